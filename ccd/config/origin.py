"""Where a statement stands: the place that every refusal of the configuration names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ccd.config.files import is_wiring
from ccd.errors import Place


@dataclass(frozen=True)
class Origin(Place):
    """The place of a statement, with the file itself.

    Attributes:
        path: The file; None for an option.
    """

    path: Path | None = None

    @cached_property
    def is_wiring(self) -> bool:
        """Whether it stands in ccd's own ``gin/``."""
        return self.path is not None and is_wiring(self.path)
