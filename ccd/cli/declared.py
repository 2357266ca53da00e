"""ccd's own components as their sources declare them, known without importing torch.

Only for answers to a misspelt command line. What a recipe may say is known by the registry.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Declared:
    """A component in the source.

    Attributes:
        family: Its family.
        name: Its name.
        settings: Names of its settings.
    """

    family: str
    name: str
    settings: tuple[str, ...]


@cache
def declared() -> tuple[Declared, ...]:
    """All components of ccd, by name."""
    sources = (path.read_text(encoding="utf-8") for path in sorted(_PACKAGE.rglob("*.py")))
    trees = [ast.parse(source) for source in sources if "\n@component(" in source]
    found = (one for tree in trees for node in tree.body for one in _declared(node))
    return tuple(sorted(found, key=lambda one: one.name))


def _declared(node: ast.stmt) -> Iterator[Declared]:
    if not isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        return
    for mark in node.decorator_list:
        match mark:
            case ast.Call(func=ast.Name(id="component"), args=[ast.Constant(value=family)]):
                yield Declared(str(family), node.name, _settings(node))


def _settings(node: ast.ClassDef | ast.FunctionDef) -> tuple[str, ...]:
    """The keyword-only parameters of a function, or of what makes an object of a class."""
    if isinstance(node, ast.FunctionDef):
        return tuple(argument.arg for argument in node.args.kwonlyargs)
    made = (n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    return next((_settings(n) for n in made), ())
