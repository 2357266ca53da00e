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
        runtime: Names of what Python passes at run time.
    """

    family: str
    name: str
    settings: tuple[str, ...]
    runtime: tuple[str, ...]


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
                arguments = _arguments(node)
                settings = tuple(argument.arg for argument in arguments.kwonlyargs)
                runtime = tuple(argument.arg for argument in arguments.args)
                yield Declared(str(family), node.name, settings, runtime)


def _arguments(node: ast.ClassDef | ast.FunctionDef) -> ast.arguments:
    """What a function takes, or what makes an object of a class; the settings are keyword-only."""
    if isinstance(node, ast.FunctionDef):
        return node.args
    made = (n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    return next((n.args for n in made), ast.arguments([], [], None, [], [], None, []))
