"""Errors carry fields, and are put into words in one place."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from ccd.config.origin import Origin
from ccd.errors import KINDS, CcdError, ConfigError, DataError, Place, reading, reason

FULL = ConfigError(
    "A.x must be int >= 1",
    where=(Origin("a.gin", 3, "A.x = 0", path=Path("a.gin")), None, Place("--set", note="v")),
    keys=("A.x",),
    found="0",
    hint="default: 1",
    details=("one", "two"),
)


def test_without_a_place_it_is_one_line():
    error = ConfigError("A.x must be int >= 1", found="0", hint="default: 1")
    assert str(error) == error.one_line == "A.x must be int >= 1, got 0; default: 1"


def test_with_places_it_is_a_block():
    lines = ["A.x must be int >= 1, got 0", "a.gin:3    A.x = 0", "--set (v)", "one", "two",
             "default: 1"]  # fmt: skip
    assert str(FULL) == "\n  ".join(lines)
    assert FULL.one_line == "; ".join(lines)


def test_a_path_is_a_place():
    assert str(DataError("this file is empty", where=Path("x/y.npy"))) == (
        "this file is empty\n  x/y.npy"
    )


def test_copies_name_more_and_leave_the_original():
    error = ConfigError("wrong", keys=("A.x",), hint="do this")
    place = Place("a.gin", 3)
    assert str(error.at(place).at(place)) == "wrong\n  a.gin:3\n  do this"
    assert str(error.within("variant 'v'")) == "variant 'v': wrong; do this"
    assert str(error) == "wrong; do this"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_kind_survives_json_and_pickle(kind):
    single = kind("one", where=Path("a"), keys=("b",), found="c", hint="d", details=("e",))
    several = kind("two mistakes", mistakes=[single, FULL])
    for error in (single, several):
        record = error.to_json()
        for again in (
            CcdError.from_json(json.loads(json.dumps(record))),
            pickle.loads(pickle.dumps(error)),
        ):
            assert type(again) is kind
            assert again.to_json() == record
            assert str(again) == str(error) == record["message"]


def test_a_class_of_its_own_is_told_as_the_nearest_kind():
    class LostError(DataError):
        pass

    record = LostError("lost").to_json()
    assert (record["kind"], record["exit_code"]) == ("DataError", DataError.exit_code)


def test_what_cannot_be_read_is_refused_with_its_path(tmp_path):
    with pytest.raises(DataError) as caught, reading(tmp_path, DataError):
        (tmp_path / "missing").read_text()
    assert caught.value.where == (Place(str(tmp_path / "missing")),)
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    with pytest.raises(ConfigError) as caught, reading(tmp_path / "latin", ConfigError):
        (tmp_path / "latin").read_text(encoding="utf-8")
    assert "byte 3" in caught.value.what
    assert caught.value.hint == "save it as UTF-8"


def test_a_reason_is_one_line():
    assert reason(ValueError("first\nsecond")) == "first"
    assert reason(ValueError()) == "ValueError"
