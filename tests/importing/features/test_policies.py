"""What becomes of rows that are missing, repeated, constant, infinite or too large."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ccd.errors import CcdError, ConfigError, DataError
from ccd.importing.features import FeaturePolicy, FeatureSource, featured, write_features
from tests.importing.features.layouts import ids_file, npy_beside_ids, wide_csv


def given_rows(folder, rows, items, **policy):
    """Write rows ``(id, vector)``; the array and the report."""
    ids, vectors = zip(*rows, strict=True)
    source = npy_beside_ids(folder, ids, np.array(vectors, dtype=np.float64))
    (report,) = write_features([source], items, None, folder, FeaturePolicy(**policy))
    return np.load(folder / report.file), report


ROWS = [("a", [1, 2]), ("b", [3, 4]), ("a", [5, 6])]


@pytest.mark.parametrize(("which", "expected"), [("first", [1, 2]), ("last", [5, 6])])
def test_the_first_or_last_row_of_an_id_counts(tmp_path, which, expected):
    array, report = given_rows(tmp_path, ROWS, ["a", "b"], duplicates=which)
    assert array.tolist() == [expected, [3, 4]]
    assert report.duplicates == 1


def test_repeated_ids_are_refused_with_their_row(tmp_path):
    with pytest.raises(DataError) as refused:
        given_rows(tmp_path, ROWS, ["a", "b"], duplicates="refuse")
    assert "item 'a' has a second text vector" in str(refused.value)
    assert "row 3" in str(refused.value)
    assert "--duplicate-features" in refused.value.hint
    assert not (tmp_path / "text_feat.npy").exists()
    assert not list(tmp_path.glob("*.tmp"))


def test_repeated_ids_over_several_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("ccd.importing.features.reader.BLOCK_ELEMENTS", 2)
    for which, expected in (("first", [1, 2]), ("last", [5, 6])):
        array, report = given_rows(tmp_path, ROWS, ["a", "b"], duplicates=which)
        assert array.tolist() == [expected, [3, 4]]
        assert report.duplicates == 1


def test_missing_items_are_kept_or_refused(tmp_path):
    array, report = given_rows(tmp_path, ROWS[:2], ["b", "c", "d"])
    assert array.tolist() == [[3, 4], [0, 0], [0, 0]]
    assert (report.missing, report.unknown_ids) == (2, 1)
    with pytest.raises(DataError, match="2 of 3 items have no text vector, got 'c', 'd'"):
        given_rows(tmp_path, ROWS[:2], ["b", "c", "d"], missing="refuse")


def test_items_are_featured_where_every_source_has_a_usable_vector(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    vectors = np.array([[1.0, 2], [0, 0], [3, 3]])
    sources = [
        npy_beside_ids(one, "abc", vectors),
        npy_beside_ids(two, "cba", np.ones((3, 2)) * [1, 2]),
    ]
    assert featured(sources[:1], "abcd", None, FeaturePolicy()).tolist() == [1, 0, 1, 0]
    policy = FeaturePolicy(missing="drop", constant="missing")
    assert featured(sources[1:], "abcd", None, policy).tolist() == [1, 1, 1, 0]
    sources[1] = FeatureSource("image", sources[1].where, sources[1].part)
    assert featured(sources, "abcd", None, policy).tolist() == [1, 0, 0, 0]


def test_zero_and_constant_vectors(tmp_path):
    rows = [("a", [1, 2]), ("b", [0, 0]), ("c", [7, 7])]
    array, report = given_rows(tmp_path, rows, ["a", "b", "c"])
    assert array.tolist() == [[1, 2], [0, 0], [7, 7]]
    assert (report.zero, report.constant, report.missing) == (1, 1, 1)
    array, report = given_rows(tmp_path, rows, ["a", "b", "c"], constant="missing")
    assert array.tolist() == [[1, 2], [0, 0], [0, 0]]
    assert (report.constant, report.missing) == (1, 2)
    with pytest.raises(DataError, match="item 'c' is one number throughout, got 7.0"):
        given_rows(tmp_path, rows, ["a", "b", "c"], constant="refuse")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_numbers_that_are_not_finite(tmp_path, bad):
    rows = [("a", [1, 2]), ("b", [3, bad])]
    with pytest.raises(DataError) as refused:
        given_rows(tmp_path, rows, ["a", "b"])
    assert "the text vector of item 'b' has a NaN or an infinity" in str(refused.value)
    assert "f.npy (row 2)" in str(refused.value)
    assert "--non-finite-features missing" in refused.value.hint
    array, report = given_rows(tmp_path, rows, ["a", "b"], non_finite="missing")
    assert array.tolist() == [[1, 2], [0, 0]]
    assert (report.non_finite, report.missing) == (1, 1)


def test_rows_of_unknown_ids_may_hold_anything(tmp_path):
    array, _ = given_rows(tmp_path, [("a", [1, 2]), ("zz", [np.nan, 1])], ["a"])
    assert array.tolist() == [[1, 2]]


def test_an_empty_cell_is_a_gap_and_an_empty_row_no_vector(tmp_path):
    source = wide_csv(tmp_path, ["a", "b", "c"], np.array([[1.0, 2], [3, 4], [5, 6]]))
    path = Path(source.where)
    path.write_text(path.read_text().replace("3.0,4.0", ",").replace("5.0,", ","))
    with pytest.raises(DataError, match=r"item 'c' has a NaN") as refused:
        write_features([source], ["a", "b", "c"], None, tmp_path, FeaturePolicy())
    assert refused.value.where[0].line == 4
    policy = FeaturePolicy(non_finite="missing")
    (report,) = write_features([source], ["a", "b", "c"], None, tmp_path, policy)
    assert (report.empty, report.non_finite, report.missing) == (1, 1, 2)


@pytest.mark.parametrize("vector", [[1e5, 1], [1e-9, 2e-9]])
def test_what_float16_cannot_hold_is_refused(tmp_path, vector):
    given_rows(tmp_path, [("a", vector)], ["a"])
    with pytest.raises(DataError, match="does not fit into float16") as refused:
        given_rows(tmp_path, [("a", vector)], ["a"], float16=True)
    assert refused.value.keys == ("--float16",)


@pytest.mark.parametrize(
    ("ids", "items", "hint"),
    [(["12", "7"], ["0012", "0007"], "leading zeros"), (["x"], ["0012"], "as the events do")],
)
def test_a_source_of_other_items_is_refused(tmp_path, ids, items, hint):
    with pytest.raises(DataError, match=f"none of the {len(ids)} ids of text") as refused:
        given_rows(tmp_path, [(i, [1, 2]) for i in ids], items)
    assert hint in refused.value.hint
    assert repr(items[0]) in str(refused.value)


def test_two_sources_of_one_modality_are_refused(tmp_path):
    sources = [FeatureSource("text", "a.npy"), FeatureSource("Text", "title", "", "--encode")]
    with pytest.raises(ConfigError, match="two sources of 'Text'"):
        write_features(sources, ["a"], None, tmp_path, FeaturePolicy())


def test_policies_are_checked():
    with pytest.raises(ConfigError, match="--missing-features must be one of keep, drop, refuse"):
        FeaturePolicy(missing="ignore")


@settings(max_examples=60)
@given(
    data=st.data(),
    vectors=hnp.arrays(
        st.sampled_from([np.float16, np.float32, np.float64, np.int8, np.int64]),
        st.tuples(st.integers(1, 6), st.integers(1, 5)),
    ),
)
def test_whatever_the_numbers_the_file_is_finite_or_refused(data, vectors):
    ids = data.draw(st.lists(st.sampled_from("abc"), min_size=len(vectors), max_size=len(vectors)))
    policy = FeaturePolicy(
        duplicates=data.draw(st.sampled_from(["first", "last", "refuse"])),
        constant=data.draw(st.sampled_from(["keep", "missing", "refuse"])),
        non_finite=data.draw(st.sampled_from(["refuse", "missing"])),
        float16=data.draw(st.booleans()),
    )
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        np.save(folder / "f.npy", vectors)
        source = FeatureSource("text", str(folder / "f.npy"), str(ids_file(folder, ids)))
        try:
            (report,) = write_features([source], "abc", None, folder, policy)
        except CcdError:
            assert not (folder / "text_feat.npy").exists()
            return
        array = np.load(folder / "text_feat.npy")
        assert np.isfinite(array).all()
        assert report.missing == (~array.any(axis=1)).sum()
        assert report.duplicates == len(ids) - len(set(ids))
        assert report.rows == len(ids)
