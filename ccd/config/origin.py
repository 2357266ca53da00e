"""Where a statement stands: the place that every refusal of the configuration names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ccd.errors import Place


@dataclass(frozen=True)
class Origin(Place):
    """The place of a statement, with the file itself.

    Attributes:
        path: The file; None for an option.
    """

    path: Path | None = None
