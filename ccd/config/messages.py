"""One style for everything ccd.config refuses: what, where, what was found, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Protocol

from ccd.errors import ConfigError


class Place(Protocol):
    """Where a statement stands: prints as ``file:line`` and knows the statement's text."""

    @property
    def text(self) -> str:
        """The statement as the user wrote it."""


def refusal(what: str, *places: Place | None, hint: str = "") -> str:
    """One block: the mistake, the places that made it, and the way out."""
    lines = [what]
    lines += [f"  {place}    {place.text}".rstrip() for place in places if place is not None]
    lines += [f"  {hint}"] if hint else []
    return "\n".join(lines)


def closest(word: str, options: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The option most like ``word``, upper and lower case alike, or None.

    Args:
        word: What was written.
        options: What exists.
        cutoff: Least similarity, in [0, 1].
    """
    by_lower = {option.lower(): option for option in options}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else None


def did_you_mean(word: str, options: Iterable[str], otherwise: str) -> str:
    """``did you mean X?``, or ``otherwise`` followed by the options where none is near."""
    known = sorted(set(options))
    near = closest(word, known)
    if near is not None:
        return f"did you mean {near}?"
    return f"{otherwise}: {', '.join(known) or 'none'}"


class Problems:
    """Mistakes found at one stage, reported together; each is kept once."""

    def __init__(self) -> None:
        self._blocks: dict[str, None] = {}

    def add(self, block: str) -> None:
        """Keep one block made by ``refusal``."""
        self._blocks[block] = None

    def raise_if_any(self) -> None:
        """Refuse with all that was added.

        Raises:
            ConfigError: At least one problem was added.
        """
        if self._blocks:
            blocks = list(self._blocks)
            head = [f"{len(blocks)} mistakes in the configuration"] if len(blocks) > 1 else []
            raise ConfigError("\n".join(head + blocks))
