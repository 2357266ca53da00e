"""The language of ``--where``."""

import contextlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccd.errors import ConfigError, DataError
from ccd.importing.cells import Rows
from ccd.importing.conditions import evaluate
from ccd.importing.sources import TableSource
from ccd.importing.where import columns_of, parse_where

TABLE = pa.table(
    {
        "type": ["view", "cart", "purchase", None],
        "price": ["1", "2.5", None, "10"],
        "n": [1, 2, 3, None],
        "ok": [True, False, None, True],
        "when": pa.array([0, 86_400, 172_800, None], pa.timestamp("s")),
        "my column": ["a", "it's", "c", "d"],
    }
)


def kept(text: str) -> list[int]:
    """The rows that a condition keeps."""
    source = TableSource("events", TABLE)
    (batch,) = source.batches(source.columns)
    rows = Rows(source, batch, np.arange(4))
    return rows.where(evaluate(parse_where(text), rows)).at.tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type in ('purchase','cart')", [1, 2]),
        ("type not in ('purchase')", [0, 1]),
        ("type = 'view' or type == \"cart\"", [0, 1]),
        ("type != 'view'", [1, 2]),
        ("not type = 'view' and n >= 2", [1, 2]),
        ("type = 'view' or type = 'cart' and n > 5", [0]),
        ("(type = 'view' or type = 'cart') and n < 2", [0]),
        ("price >= 2.5", [1, 3]),
        ("price is null", [2]),
        ("type IS NOT NULL AND n <> -1", [0, 1, 2]),
        ("ok = true", [0, 3]),
        ("when >= '1970-01-02'", [1, 2]),
        ("`my column` = 'it''s'", [1]),
        ("n in (1, 3)", [0, 2]),
    ],
)
def test_conditions(text, expected):
    assert kept(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "type", "type =", "type = purchase", "= 'a'", "type in 'a'", "type in ()", "(n = 1",
        "n = 1 n = 2", "n is 3", "type not 'a'", "n = 1;", "__import__('os')", "n = 1 and",
        "n = 0x10", "not " * 60 + "n = 1", "type = 'a", "n = 1 or or n = 2",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_its_place(text):
    with pytest.raises(ConfigError) as caught:
        parse_where(text)
    assert caught.value.keys == ("--where",)
    assert "^" in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_a_condition_or_refused(text):
    with contextlib.suppress(ConfigError):
        assert columns_of(parse_where(text))


def test_a_text_that_is_no_number_is_refused():
    with pytest.raises(DataError, match="expected a number"):
        kept("type > 3")


@pytest.mark.parametrize("text", ["n = 'one'", "ok = 'yes'", "when > 5", "n = true"])
def test_values_of_another_kind_are_refused(text):
    with pytest.raises(ConfigError, match="cannot be compared"):
        kept(text)


def test_columns_are_named_once():
    assert columns_of(parse_where("a = 1 and (b = 2 or not a is null)")) == ["a", "b"]
