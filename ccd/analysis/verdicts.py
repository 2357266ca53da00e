"""The words in which a comparison with published numbers is summed up."""

from __future__ import annotations

from enum import IntEnum


class Verdict(IntEnum):
    """What a comparison with a published number found, best first."""

    EXCEEDS = 0
    REACHED = 1
    CLOSE = 2
    BELOW = 3

    def __str__(self) -> str:
        return self.name.lower()
