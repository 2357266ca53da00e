from __future__ import annotations

import numpy as np
import pytest

from ccd.datasets import features as module
from ccd.datasets.features import open_features, scan_features
from ccd.errors import DataError
from tests.datasets.files import random_features


def opened(tmp_path, array, n_items=None, non_finite="refuse"):
    path = tmp_path / "image.npy"
    np.save(path, array)
    return open_features(
        path, "image", len(array) if n_items is None else n_items, non_finite=non_finite
    )


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_small_floats_stay_mapped(tmp_path, dtype):
    array, notes = opened(tmp_path, random_features(dtype=dtype))
    assert isinstance(array, np.memmap)
    assert array.dtype == dtype
    assert notes == []


@pytest.mark.parametrize(
    ("array", "dtype", "note"),
    [
        (random_features(dtype="float64"), "float32", "float64 was converted to float32"),
        (np.arange(24).reshape(6, 4), "float32", "int64 was converted to float32"),
        (random_features() > 0, "float32", "bool was converted to float32"),
        (random_features(dtype=">f4"), "float32", "foreign byte order was converted"),
        (random_features(dtype=">f2"), "float16", "foreign byte order was converted to float16"),
        (np.asfortranarray(random_features()), "float32", "Fortran order was converted"),
    ],
)
def test_other_layouts_are_converted_and_noted(tmp_path, array, dtype, note):
    got, notes = opened(tmp_path, array)
    assert got.dtype == np.dtype(dtype)
    assert got.dtype.isnative
    assert got.flags.c_contiguous
    assert not got.flags.writeable
    np.testing.assert_allclose(got, array.astype(dtype))
    assert note in notes[0]


@pytest.mark.parametrize(
    ("rows", "which"), [(4, "items without a row: 4..5"), (9, "rows without an item: 6..8")]
)
def test_a_wrong_number_of_rows_is_refused_with_both(tmp_path, rows, which):
    with pytest.raises(DataError) as caught:
        opened(tmp_path, random_features(rows), n_items=6)
    assert "each of the 6 items" in caught.value.what
    assert caught.value.found == f"{rows} rows ({which})"
    assert "mmrec_dataset.item_order" in caught.value.hint


@pytest.mark.parametrize("shape", [(6,), (6, 2, 2), ()])
def test_other_shapes_are_refused(tmp_path, shape):
    with pytest.raises(DataError, match=r"expected image features \[n_items, dim\]"):
        opened(tmp_path, np.ones(shape), n_items=6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_with_the_items(tmp_path, value):
    array = random_features(20)
    array[[1, 3, 4, 8, 9, 15], 2] = value
    with pytest.raises(DataError, match=r"6 items with NaN or infinite image.*: 1, 3, 4, 8, 9, \."):
        opened(tmp_path, array)


def test_what_float32_cannot_hold_is_refused_or_missing_and_so_called(tmp_path):
    array = np.diag([1.0, 1e300, 1e-300, 1e30, np.nan])
    says = "2 items with image features that float32 cannot hold: 1, 2"
    with pytest.raises(DataError, match=says) as caught:
        opened(tmp_path, array)
    assert caught.value.keys == ("mmrec_dataset.non_finite",)
    got, notes = opened(tmp_path, array, non_finite="zero")
    assert got.any(axis=1).tolist() == [True, False, False, True, False]
    assert "2 items with image features that float32 cannot hold: 1, 2; their rows" in notes[1]
    assert "1 items with NaN or infinite image features: 4; their rows" in notes[2]


@pytest.mark.parametrize("value", [np.finfo(np.float32).max, -1e20, 1e15])
def test_huge_values_are_noted(tmp_path, value):
    array = random_features(300)
    array[[3, 70]] = value
    array[200, 1] = value
    _, notes = opened(tmp_path, array)
    assert "image: 2 items have one value in all columns (placeholders?)" in notes[0]
    size = f"{abs(float(np.float32(value))):.3g}"
    assert f"image: 3 items have values of up to {size} in size (signs of missing" in notes[1]


def test_tiny_values_are_noted_and_ordinary_ones_are_not(tmp_path):
    array = random_features(300)
    array[5] = array[5] * 1e-20
    _, notes = opened(tmp_path, array)
    (note,) = notes
    assert "image: 1 items have no value above 1e-10 in size" in note
    for scale in (1e-6, 1e10):
        assert opened(tmp_path, random_features(300) * np.float32(scale))[1] == []


def test_a_single_column_is_no_placeholder(tmp_path):
    assert opened(tmp_path, random_features(30, 1))[1] == []


def test_rows_that_are_not_finite_become_missing_by_policy(tmp_path):
    array = random_features()
    array[2, 1] = np.nan
    got, notes = opened(tmp_path, array, non_finite="zero")
    assert not got[2].any()
    assert not got.flags.writeable
    np.testing.assert_array_equal(np.delete(got, 2, 0), np.delete(array, 2, 0))
    assert notes == [
        "1 items with NaN or infinite image features: 2; their rows were set to zero, in memory"
    ]


def test_zero_rows_copies_and_constant_columns_are_noted(tmp_path):
    array = random_features(50, 8)
    array[:, 3] = array[:, 5] = 0
    array[[4, 7]] = 0
    array[10:20] = array[10]
    _, notes = opened(tmp_path, array)
    assert notes == [
        "image: 2 of 50 items have none (zero rows)",
        "image: 10 items (20.0%) share their vector with another item (placeholders?)",
        "image: 2 of 8 columns are constant",
    ]


def test_few_copies_are_not_noted(tmp_path):
    array = random_features(300)
    array[1] = array[0]
    assert opened(tmp_path, array)[1] == []


def test_the_scan_does_not_depend_on_its_blocks(monkeypatch):
    array = random_features(97, 5)
    array[[3, 50, 96]] = np.nan
    array[[4, 60]] = 0
    array[[5, 70, 95]] = 1
    array[7, 2], array[8] = -1e20, 1e-20 * array[8]
    whole = scan_features(array)
    monkeypatch.setattr(module, "_BLOCK_ELEMENTS", 35)
    blocks = scan_features(array)
    for scan in (whole, blocks):
        assert scan.non_finite.tolist() == [3, 50, 96]
        assert (scan.zero, scan.repeated, scan.constant) == (2, 3, 0)
        assert (scan.flat, scan.huge, scan.tiny, scan.largest) == (3, 1, 1, np.float32(1e20))


def test_nothing_but_nan_is_refused_without_a_warning(tmp_path):
    with pytest.raises(DataError, match="6 items with NaN"):
        opened(tmp_path, np.full((6, 4), np.nan))
