"""Cached arrays: equal inputs meet, different ones never, and a bad file costs only time."""

import subprocess
import sys

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


def rewritten(path, change):
    with np.load(path) as stored:
        arrays = dict(stored)
    change(arrays)
    np.savez(path, **arrays)


FAULTS = {
    "torn": lambda path: path.write_bytes(path.read_bytes()[:-30]),
    "other": lambda path: path.write_bytes(b"torn"),
    "empty": lambda path: path.write_bytes(b""),
    "lacking": lambda path: rewritten(path, lambda arrays: arrays.pop("x")),
    "zeros": lambda path: rewritten(path, lambda arrays: arrays["x"].fill(0)),
    "shape": lambda path: rewritten(path, lambda arrays: arrays.update(x=np.array([[3]]))),
    "type": lambda path: rewritten(path, lambda arrays: arrays.update(x=np.array([3.0]))),
    "more": lambda path: rewritten(path, lambda arrays: arrays.update(y=arrays["x"])),
    "unsigned": lambda path: rewritten(path, lambda arrays: arrays.pop("checksum")),
    "npy": lambda path: np.save(path.open("wb"), np.arange(3)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_with_other_content_is_replaced_and_said(folder, fault, caplog):
    calls = []
    ask((1,), 3, calls)
    assert not caplog.messages
    (path,) = folder.glob("*.npz")
    FAULTS[fault](path)
    assert [ask((1,), 4, calls), ask((1,), 5, calls)] == [4, 4]
    (message,) = caplog.messages
    assert message.startswith(f"note: the cached file {path} is made again: ")


def test_a_valid_file_of_other_inputs_under_this_name_is_replaced(folder, caplog):
    calls = []
    ask((1,), 3, calls)
    (first,) = folder.glob("*.npz")
    ask((2,), 8, calls)
    (second,) = set(folder.glob("*.npz")) - {first}
    first.write_bytes(second.read_bytes())
    assert ask((1,), 4, calls) == 4
    assert "its checksum is not that of its content" in caplog.text


def test_it_is_said_on_the_terminal_once_for_a_file(folder):
    code = "import numpy as np; from ccd.graphs.cache import cached_arrays as c; "
    code += "c('test', (1,), lambda: {'x': np.arange(3)})"
    for torn in (False, True, False):
        if torn:
            next(folder.glob("*.npz")).write_bytes(b"")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stderr.startswith("note: the cached file ") == torn
        assert done.stderr.count("\n") == torn


def test_what_cannot_be_read_or_replaced_is_computed(folder):
    calls = []
    ask((1,), 3, calls)
    path = next(folder.glob("*.npz"))
    path.unlink()
    path.mkdir()  # neither a file to read nor one to replace, for root too
    assert [ask((1,), 4, calls), ask((1,), 5, calls)] == [4, 5]
