"""What a gin value can hold besides literals, and how to walk one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

DEEPEST = 20
"""Brackets in brackets, macros in macros, includes in includes, components in components at most.

Nobody needs as many, and without an end Python's stack would have one.
"""


@dataclass(frozen=True)
class Reference:
    """``@scope/name``; ``evaluated`` where it was written ``@scope/name()``."""

    name: str
    scope: str = ""
    evaluated: bool = False


@dataclass(frozen=True)
class Macro:
    """``%name``."""

    name: str


def leaves(value: Any) -> Iterator[Any]:
    """Everything inside nested lists, tuples and dicts (keys left out)."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """A copy of nested lists, tuples and dicts with ``change`` applied to each leaf."""
    if isinstance(value, dict):
        return {key: mapped(item, change) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(mapped(item, change) for item in value)
    return change(value)
