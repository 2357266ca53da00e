"""Every refusal of ccd uses its fields, and nothing takes a message apart again."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ccd
from ccd.errors import KINDS

ROOT = Path(ccd.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
NAMES = {*KINDS, "StorageLostError", "kind"}


def made(tree: ast.AST) -> Iterator[tuple[ast.Call, ast.AST]]:
    """Each call that makes an error, with the function around it."""
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.Module)):
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and named(call.func) in NAMES and call.args:
                    yield call, function


def named(function: ast.expr) -> str:
    """``ConfigError`` in ``ConfigError(...)`` and ``KINDS`` in ``KINDS.get(...)(...)``."""
    if isinstance(function, ast.Call):
        inner = function.func
        return "kind" if isinstance(inner, ast.Attribute) and inner.attr == "get" else ""
    return function.id if isinstance(function, ast.Name) else ""


def texts(value: ast.expr, function: ast.AST) -> Iterator[str]:
    """What the expression says, with a bullet for each value put in; a local's definitions too."""
    if isinstance(value, ast.Name):
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and value.id in map(ast.unparse, node.targets):
                yield from texts(node.value, ast.Module([], []))
    elif isinstance(value, ast.JoinedStr):
        parts = (p.value if isinstance(p, ast.Constant) else "•" for p in value.values)
        yield "".join(map(str, parts))
    elif isinstance(value, ast.Constant):
        yield str(value.value)


def faults(source: str) -> list[str]:
    """Errors whose text holds what a field is for, and messages that are taken apart."""
    tree = ast.parse(source)
    found = []
    for call, function in made(tree):
        if len(call.args) > 1:
            found.append(f"line {call.lineno}: more than one positional argument")
        for text in texts(call.args[0], function):
            if "; " in text:
                found.append(f"line {call.lineno}: advice belongs into hint: {text!r}")
            if "\n" in text:
                found.append(f"line {call.lineno}: lines belong into details: {text!r}")
            if text.startswith("•:"):
                found.append(f"line {call.lineno}: the place belongs into where: {text!r}")
            if ", got •" in text:
                found.append(f"line {call.lineno}: the value belongs into found: {text!r}")
    return sorted({*found, *taken_apart(tree)})


def taken_apart(tree: ast.AST) -> Iterator[str]:
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for handler in ast.walk(tree):
        if not isinstance(handler, ast.ExceptHandler) or handler.type is None:
            continue
        if not {n.id for n in ast.walk(handler.type) if isinstance(n, ast.Name)} & NAMES:
            continue
        for node in ast.walk(handler):
            if isinstance(node, ast.Call) and ast.unparse(node) == f"str({handler.name})":
                above = parents[node]
                matched = isinstance(above, ast.Call) and ast.unparse(above.func).startswith("re.")
                kept = isinstance(above, ast.Assign)
                if (
                    matched
                    or kept
                    or isinstance(above, (ast.Attribute, ast.Subscript, ast.Compare))
                ):
                    yield f"line {node.lineno}: read the error's fields, not its text"


@pytest.mark.parametrize("path", FILES, ids=[str(p.relative_to(ROOT)) for p in FILES])
def test_refusals_use_their_fields(path):
    assert faults(path.read_text()) == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ConfigError(f'{key} is wrong; write 3')", "hint"),
        ("def f():\n    what = 'wrong; write 3'\n    return DataError(what)", "hint"),
        ("raise kind('wrong\\n  a.gin:3')", "details"),
        ("raise DataError(f'{path}: is empty')", "where"),
        ("raise ConfigError(f'A.x must be 1, got {x}')", "found"),
        ("raise KINDS.get(name, CcdError)('wrong; write 3')", "hint"),
        ("raise ConfigError('wrong', place)", "positional"),
        ("try: f()\nexcept ConfigError as e: what = str(e).partition(';')", "not its text"),
        ("try: f()\nexcept (OSError, CcdError) as e: re.search('x', str(e))", "not its text"),
    ],
)
def test_the_check_finds(source, said):
    (fault,) = faults(source)
    assert said in fault


def test_fields_and_other_exceptions_pass():
    assert not faults("raise ConfigError('wrong', hint='write 3; or 4')")
    assert not faults("try: f()\nexcept ValueError as e: what = str(e).splitlines()[0]")
