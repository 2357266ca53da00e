"""Where a statement stands: the origin that every refusal names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
