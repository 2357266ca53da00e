"""What a contract is made of: rules that each look at one part, and what they found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
Rule = Callable[[T], Iterable[str]]
"""Looks at a part and yields what is wrong. The first line of its docstring is the rule."""


@dataclass(frozen=True)
class Finding:
    """One rule and whether a part keeps it.

    Attributes:
        rule: The rule, as a sentence.
        fault: What breaks it; empty where it is kept.
    """

    rule: str
    fault: str = ""


def findings(part: T, rules: Iterable[Rule[T]]) -> list[Finding]:
    """Every rule with the first fault that it finds in ``part``.

    A rule that an exception ends is broken: what the part raised is the fault.
    """
    found = []
    for rule in rules:
        sentence = (rule.__doc__ or rule.__name__).strip().splitlines()[0]
        try:
            fault = next(iter(rule(part)), "")
        except Exception as error:  # whatever a part of the user's may raise
            fault = f"{type(error).__name__}: {' '.join(str(error).split())}"
        found.append(Finding(sentence, fault))
    return found
