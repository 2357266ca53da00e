from __future__ import annotations

import numpy as np
import pytest

from ccd.datasets.neighbours import read_neighbours
from ccd.errors import DamagedFileError, DataError

INDICES = np.arange(10, dtype=np.int64).reshape(5, 2) % 5
COSINE = np.linspace(1, -1, 10).reshape(5, 2)


def read(tmp_path, **arrays):
    path = tmp_path / "image_knn.npz"
    np.savez(path, **({"indices": INDICES, "cosine": COSINE} | arrays))
    return read_neighbours(path, "image", 5)


def test_lists_are_read_in_the_types_of_the_interface(tmp_path):
    lists = read(tmp_path)
    assert (lists.indices.dtype, lists.cosine.dtype) == (np.int32, np.float32)
    np.testing.assert_array_equal(lists.indices, INDICES)
    np.testing.assert_allclose(lists.cosine, COSINE)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"indices": INDICES[:4], "cosine": COSINE[:4]}, r"\[5, k\], got \[4, 2\]"),
        ({"cosine": COSINE[:, :1]}, r"got \[5, 2\] and \[5, 1\]"),
        ({"indices": INDICES[0], "cosine": COSINE[0]}, r"got \[2\]"),
        ({"indices": INDICES[:, :0], "cosine": COSINE[:, :0]}, r"got \[5, 0\]"),
        ({"indices": INDICES.astype(float)}, "must be integers"),
        ({"indices": INDICES + 1}, "must be in 0..4 .*, got item 5 .* neighbour 0 of item 2"),
        ({"indices": INDICES - 1}, "got item -1 .* neighbour 0 of item 0"),
        ({"cosine": COSINE * 2}, "cosine 2.0"),
        ({"cosine": COSINE * np.nan}, "cosine nan"),
    ],
)
def test_lists_that_do_not_fit_are_refused(tmp_path, arrays, says):
    with pytest.raises(DataError, match=says):
        read(tmp_path, **arrays)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"cannot read this: No such file.*\n.*nope\.npz"):
        read_neighbours(tmp_path / "nope.npz", "image", 3)


def test_a_missing_array_is_refused_by_name(tmp_path):
    np.savez(tmp_path / "a.npz", indices=INDICES)
    with pytest.raises(DataError, match="lacks an array: cosine"):
        read_neighbours(tmp_path / "a.npz", "image", 5)


def test_pickled_objects_are_damaged(tmp_path):
    with pytest.raises(DamagedFileError, match="not a complete .npz file of numbers"):
        read(tmp_path, cosine=np.array([[object()]]))


@pytest.mark.parametrize("keep", [0, 3, 200, -30])
def test_a_cut_file_is_damaged(tmp_path, keep):
    read(tmp_path)
    path = tmp_path / "image_knn.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DamagedFileError, match=r"image_knn\.npz"):
        read_neighbours(path, "image", 5)


def test_a_plain_array_is_damaged(tmp_path):
    np.save(tmp_path / "a.npy", INDICES)
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    with pytest.raises(DamagedFileError):
        read_neighbours(tmp_path / "a.npz", "image", 5)
