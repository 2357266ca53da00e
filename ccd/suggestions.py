"""What somebody may have meant: the option most like a misspelt word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


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


def did_you_mean(
    word: str, options: Iterable[str], heading: str = "there are", *, list_all: bool = False
) -> str:
    """The hint for a word that is none of the options: the nearest one, or all of them.

    Args:
        word: What was written.
        options: What exists, in the order in which it is listed.
        heading: Stands before the list of all options.
        list_all: Whether all are listed after the nearest one too.
    """
    known = list(dict.fromkeys(options))
    near = closest(word, known)
    guess = f"did you mean {near}?" if near is not None else ""
    if guess and not list_all:
        return guess
    return f"{guess} {heading}: {', '.join(known) or 'none'}".strip()


def lost_zeros(ids: Iterable[str], others: Iterable[str]) -> str | None:
    """The hint where some of ``ids`` is one of ``others`` but for its leading zeros, else None."""
    if {name.lstrip("0") for name in ids}.isdisjoint(name.lstrip("0") for name in others):
        return None
    return "the ids seem to have lost their leading zeros: write them as texts"
