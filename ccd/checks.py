"""One line of a diagnosis: of this machine (``ccd doctor``) or of data (``ccd data check``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Check:
    """What was looked at, what was found, and what to do about it."""

    name: str
    status: Literal["ok", "warning", "problem"]
    found: str
    advice: str = ""
