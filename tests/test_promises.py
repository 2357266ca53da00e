"""``docs/promises.md`` has forty rows, and every test that a row names exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = {
    int(number): rest
    for number, rest in re.findall(
        r"^\| (\d+) \|(.*)$", (ROOT / "docs/promises.md").read_text(encoding="utf-8"), re.M
    )
}


@cache
def names_in(path):
    """What pytest finds in a file: functions and methods whose name says that they are tests."""
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_there_are_forty_rows():
    assert sorted(ROWS) == list(range(1, 41))


@pytest.mark.parametrize("number", sorted(ROWS))
def test_each_row_names_its_tests(number):
    named = re.findall(r"`(\S+\.py)::(\w+)`", ROWS[number])
    assert named
    for path, name in named:
        assert name in names_in(path), f"{path}::{name}"


def test_the_readme_leads_there():
    assert "](docs/promises.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
