"""Where a statement stands: the origin that every refusal names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ccd.config.files import is_wiring


@dataclass(frozen=True)
class Origin:
    """Where a statement stands.

    Attributes:
        source: File as shown to the user, or an option such as ``--set``.
        line: Line in the file, counted from 1; None for an option.
        text: The statement's first line.
        path: The file; None for an option.
        note: What else matters, such as the variant whose list holds the binding.
    """

    source: str
    line: int | None = None
    text: str = ""
    path: Path | None = None
    note: str = ""

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return f"{place} ({self.note})" if self.note else place

    @cached_property
    def is_wiring(self) -> bool:
        """Whether it stands in ccd's own ``gin/``."""
        return self.path is not None and is_wiring(self.path)
