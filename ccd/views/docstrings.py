"""Reads a docstring in Google's style, so that it can be laid out for a terminal of any width."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field

_SECTION = re.compile(r"(Args|Returns|Raises|Attributes|Yields):")
_ARGUMENT = re.compile(r"(\w+): (.*)")


@dataclass
class Docstring:
    """What a docstring says, without line breaks.

    Attributes:
        paragraphs: Everything before the first section.
        meanings: What the section ``Args`` says of each parameter.
    """

    paragraphs: list[str] = field(default_factory=list)
    meanings: dict[str, str] = field(default_factory=dict)


def read_docstring(text: str) -> Docstring:
    """Take a docstring apart; sections other than ``Args`` are left out."""
    found, section, name, begins = Docstring(), "", "", True
    for line in inspect.cleandoc(text).splitlines():
        words = line.strip().replace("``", "`")
        if heading := _SECTION.fullmatch(line):
            section = heading[1]
        elif not words:
            begins = True
        elif not section and begins:
            found.paragraphs.append(words)
            begins = False
        elif not section:
            found.paragraphs[-1] += f" {words}"
        elif section == "Args":
            argument = _ARGUMENT.fullmatch(words) if _indent(line) == _STEP else None
            if argument:
                name = argument[1]
                found.meanings[name] = argument[2]
            elif name:
                found.meanings[name] += f" {words}"
    return found


_STEP = 4
"""Spaces before the name of an argument."""


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
