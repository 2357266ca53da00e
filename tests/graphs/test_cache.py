"""Cached arrays: equal inputs meet, different ones never, and a bad file costs only time."""

import numpy as np
import pytest

from ccd.graphs.cache import cached_arrays


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))
    return tmp_path


def made(value, calls):
    calls.append(value)
    return {"x": np.array([value])}


def ask(inputs, value, calls):
    return cached_arrays("test", inputs, lambda: made(value, calls))["x"].item()


def test_equal_inputs_are_computed_once_and_different_ones_anew():
    calls = []
    table = np.arange(6.0)
    assert [ask((table, 1), 3, calls), ask((table.copy(), 1), 4, calls)] == [3, 3]
    assert ask((table + 1, 1), 5, calls) == 5
    assert calls == [3, 5]


def test_neighbouring_numbers_do_not_run_together():
    calls = []
    assert [ask((1, 11), 3, calls), ask((11, 1), 4, calls)] == [3, 4]


def test_a_damaged_file_is_replaced(folder):
    calls = []
    ask((1,), 3, calls)
    next(folder.glob("*.npz")).write_bytes(b"torn")
    assert [ask((1,), 4, calls), ask((1,), 5, calls)] == [4, 4]


def test_what_cannot_be_read_or_replaced_is_computed(folder):
    calls = []
    ask((1,), 3, calls)
    path = next(folder.glob("*.npz"))
    path.unlink()
    path.mkdir()  # neither a file to read nor one to replace, for root too
    assert [ask((1,), 4, calls), ask((1,), 5, calls)] == [4, 5]
