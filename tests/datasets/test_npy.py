from __future__ import annotations

import io
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccd.datasets.npy import open_npy
from ccd.errors import CcdError, DamagedFileError, DataError
from tests.datasets.files import random_features


def npy_bytes(array: np.ndarray, **options) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, **options)
    return buffer.getvalue()


def refusal(tmp_path, data: bytes, error: type[CcdError] = DamagedFileError) -> str:
    path = tmp_path / "bad.npy"
    path.write_bytes(data)
    with pytest.raises(error) as caught:
        open_npy(path)
    return str(caught.value)


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_arrays_are_mapped_read_only(tmp_path, version):
    path = tmp_path / "a.npy"
    path.write_bytes(npy_bytes(random_features(), version=version))
    array = open_npy(path)
    assert isinstance(array, np.memmap)
    assert not array.flags.writeable
    np.testing.assert_array_equal(array, random_features())


def test_an_empty_file_is_damaged(tmp_path):
    assert "is empty (0 bytes)" in refusal(tmp_path, b"")


def test_a_truncated_file_is_damaged_with_both_sizes(tmp_path):
    whole = npy_bytes(random_features())
    message = refusal(tmp_path, whole[:-10])
    assert f"is truncated: expected {len(whole)} bytes" in message
    assert f", got {len(whole) - 10}\n" in message


def test_a_file_with_a_tail_is_damaged(tmp_path):
    assert "goes on after its array" in refusal(tmp_path, npy_bytes(random_features()) * 2)


def test_a_file_without_a_whole_header_is_damaged(tmp_path):
    assert "has no complete .npy header" in refusal(tmp_path, npy_bytes(random_features())[:40])


class Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('the pickle was run')",)


def test_pickled_objects_are_refused_unread(tmp_path):
    data = npy_bytes(np.array([Bomb()], dtype=object), allow_pickle=True)
    assert "holds pickled Python objects" in refusal(tmp_path, data)
    assert "but a pickle" in refusal(tmp_path, pickle.dumps(Bomb()))


@pytest.mark.parametrize(
    ("data", "guess"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"<!DOCTYPE html>", "web page"),
        (b"1.0 2.0", "no complete .npy header"),
    ],
)
def test_other_files_are_damaged_with_a_guess(tmp_path, data, guess):
    assert guess in refusal(tmp_path, data)


@pytest.mark.parametrize(
    "array", [np.array([["a"]]), np.ones((2, 2), dtype=complex), np.zeros((2, 2), "M8[s]")]
)
def test_what_is_no_number_is_refused(tmp_path, array):
    assert "expected numbers" in refusal(tmp_path, npy_bytes(array), DataError)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0)])
def test_an_array_without_elements_is_refused(tmp_path, shape):
    assert "no elements" in refusal(tmp_path, npy_bytes(np.empty(shape)), DataError)


def test_another_format_version_is_refused(tmp_path):
    data = bytearray(npy_bytes(random_features()))
    data[6] = 3
    assert "format (3, 0)" in refusal(tmp_path, bytes(data), DataError)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot read this"):
        open_npy(tmp_path / "nope.npy")


@settings(max_examples=200)
@given(data=st.data())
def test_damage_anywhere_is_a_refusal_or_harmless(tmp_path_factory, data):
    whole = npy_bytes(random_features())
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:at] + data.draw(st.binary(max_size=3)) + whole[at + 1 :]
    path = tmp_path_factory.mktemp("npy") / "a.npy"
    path.write_bytes(damaged)
    try:
        array = open_npy(path)
    except CcdError:
        return
    assert array.nbytes <= len(damaged)
