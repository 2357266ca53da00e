"""Every layout gives the same file, whatever the order, coverage and type of its rows."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccd.importing.features import FeaturePolicy, FeatureSource, featured, write_features
from tests.importing.features import layouts

ITEMS = ["0012", "7", "b-1", "Ä", "0007", "x.y", "12"]


def written(folder, source, items=ITEMS, policy=None):
    (report,) = write_features([source], items, None, folder, policy or FeaturePolicy())
    return np.load(folder / report.file, allow_pickle=False), report


@pytest.mark.parametrize("layout", layouts.ALL, ids=lambda f: f.__name__)
@settings(max_examples=15, suppress_health_check=[HealthCheck.differing_executors])
@given(data=st.data())
def test_rows_follow_the_items(layout, data):
    """Some items have no row, some rows no item, and rows come in any order."""
    ids = data.draw(st.lists(st.sampled_from([*ITEMS, "s1", "s2"]), min_size=1, unique=True))
    if not set(ids) & set(ITEMS):
        ids.append(ITEMS[0])
    dim = data.draw(st.integers(2, 9))
    dtype = data.draw(st.sampled_from([np.float16, np.float32, np.float64]))
    half = data.draw(st.booleans())
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    vectors = rng.normal(size=(len(ids), dim)).astype(dtype)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        source = layout(folder, ids, vectors)
        policy = FeaturePolicy(float16=half)
        array, report = written(folder, source, policy=policy)
        assert array.dtype == (np.float16 if half else np.float32)
        assert array.shape == (len(ITEMS), dim) == (report.items, report.dimension)
        expected = np.zeros((len(ITEMS), dim), dtype=np.float32)
        for item, vector in zip(ids, vectors, strict=True):
            if item in ITEMS:
                expected[ITEMS.index(item)] = vector
        np.testing.assert_allclose(array, expected.astype(array.dtype), rtol=1e-6)
        known = set(ids) & set(ITEMS)
        assert report.rows == len(ids)
        assert report.unknown_ids == len(ids) - len(known)
        assert report.missing == len(ITEMS) - len(known)
        there = featured([source], ITEMS, None, policy)
        assert there.tolist() == [item in known for item in ITEMS]


@pytest.mark.parametrize("layout", layouts.ALL, ids=lambda f: f.__name__)
def test_the_same_source_gives_the_same_bytes_and_report(layout, tmp_path):
    vectors = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    source = layout(tmp_path, ITEMS, vectors)
    _, report = written(tmp_path, source)
    before = (tmp_path / report.file).read_bytes()
    _, again = written(tmp_path, source)
    assert (tmp_path / report.file).read_bytes() == before
    assert again == report
    assert len(report.source["sha256"]) == 64
    assert report.source["path"] == source.where


def test_a_column_an_array_or_columns_can_be_named(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "f.parquet"
    columns = {"id": ITEMS, "a": [[1.0, 2.0]] * 7, "b": [[3.0, 4.0]] * 7, "x1": [5.0] * 7,
               "x2": [6.0] * 7}  # fmt: skip
    parquet.write_table(pa.table(columns), path)
    for part, expected in (("b", [3, 4]), ("x*", [5, 6])):
        array, _ = written(tmp_path, FeatureSource("text", str(path), part))
        assert array[0].tolist() == expected
    np.savez(tmp_path / "f.npz", ids=np.arange(3), u=np.ones((3, 2)), v=np.full((3, 2), 2.0))
    source = FeatureSource("text", str(tmp_path / "f.npz"), "v")
    assert written(tmp_path, source, ["2", "0", "9"])[0].tolist() == [[2, 2], [2, 2], [0, 0]]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ids.json", '["b", "a"]'),
        ("ids.txt", "b\r\na\r\n"),
        ("ids.csv", "itemID,title\nb,One\na,Two\n"),
    ],
)
def test_ids_in_a_file_of_any_kind(tmp_path, name, text):
    np.save(tmp_path / "f.npy", np.array([[1.0, 0], [2, 0]]))
    (tmp_path / name).write_bytes(text.encode())
    array, _ = written(tmp_path, FeatureSource("text", str(tmp_path / "f.npy"), name), ["a", "b"])
    assert array.tolist() == [[2, 0], [1, 0]]


def test_numbers_as_ids_in_an_array(tmp_path):
    np.save(tmp_path / "f.npy", np.array([[1.0, 0], [2, 0]]))
    np.save(tmp_path / "f_ids.npy", np.array([11, 10]))
    array, report = written(tmp_path, FeatureSource("t", str(tmp_path / "f.npy")), ["10", "11"])
    assert array.tolist() == [[2, 0], [1, 0]]
    assert report.file == "t_feat.npy"
    assert report.source["files"] == 2


def test_bfloat16_is_read(tmp_path):
    import torch
    from safetensors.torch import save_file

    tensors = {"v": torch.tensor([[1.5, 2.0]], dtype=torch.bfloat16), "ids": torch.tensor([7])}
    save_file(tensors, tmp_path / "f.safetensors")
    array, _ = written(tmp_path, FeatureSource("t", str(tmp_path / "f.safetensors")), ["7"])
    assert array.tolist() == [[1.5, 2.0]]
