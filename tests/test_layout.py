"""Packages and modules import one another without a circle, also under ``TYPE_CHECKING``."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "ccd").rglob("*.py"))
}


def imported(module: str) -> Iterator[str]:
    """Modules of ccd that ``module`` imports anywhere, in functions too."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            parts = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [part if part in MODULES else node.module for part in parts]
        # 'import ccd' is for the version, which needs nothing.
        yield from (name for name in names if name in MODULES and name != "ccd")


def room(module: str) -> str:
    """The package a module lies in; a module directly in ccd is a room of its own."""
    return ".".join(module.split(".")[:2])


def graph_of(level: str) -> dict[str, set[str]]:
    of = room if level == "packages" else str
    graph: dict[str, set[str]] = {of(module): set() for module in MODULES}
    for module in MODULES:
        graph[of(module)] |= {of(name) for name in imported(module)} - {of(module)}
    return graph


def circle(graph: dict[str, set[str]]) -> list[str]:
    """One circle of a graph; empty where there is none."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for after in sorted(graph[node]):
            if found := visit(after, [*path, node]):
                return found
        done.add(node)
        return []

    return next((found for node in graph if (found := visit(node, []))), [])


@pytest.mark.parametrize("level", ["packages", "modules"])
def test_there_is_no_circle(level):
    assert " -> ".join(circle(graph_of(level))) == ""


def test_a_circle_is_found():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}
    assert circle(graph) == ["b", "c", "b"]
