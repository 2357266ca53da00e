"""Names that people gave, made safe to show: what controls a terminal or breaks a line is spelled.

Names of variants, users and items come from recipes and data files. They may hold escape sequences,
line breaks and marks that turn the direction of writing; readers shall see them, not obey them.
"""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

_T = TypeVar("_T")

HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, separators of lines, marks of direction and halves of characters."""


def visible(text: str, keep: str = "") -> str:
    """``text`` with each hidden character spelled, such as ``\\\\x1b``.

    Args:
        text: A name, or a text with names in it.
        keep: Hidden characters that stay, such as the line breaks of a message.
    """
    return HIDDEN.sub(lambda found: found[0] if found[0] in keep else _spelled(found[0]), text)


def cleaned(value: _T) -> _T:
    """``value`` with all texts in its tuples, lists, dictionaries and dataclasses ``visible``."""
    return cast("_T", _cleaned(value))


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items: list[Any] = [_cleaned(item) for item in value]
        named = hasattr(value, "_fields")  # a NamedTuple takes its items one by one
        return type(value)(*items) if named else type(value)(items)
    if is_dataclass(value) and not isinstance(value, type):
        made = {x.name: _cleaned(getattr(value, x.name)) for x in fields(value) if x.init}
        return replace(value, **made)
    return value


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
