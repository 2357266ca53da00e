"""Files that hold no features, or not all of them: what is said, where, and what to type."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccd.errors import CcdError, ConfigError, DamagedFileError
from ccd.importing.features import (
    FeaturePolicy,
    FeatureSource,
    parse_feature_option,
    write_features,
)
from tests.importing.features import layouts


class Bomb:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def write(folder, where, part="", items=("a", "b")):
    source = FeatureSource("text", str(where), part)
    return write_features([source], list(items), None, folder, FeaturePolicy())


def refusal(folder, where, part="", items=("a", "b")):
    with pytest.raises(CcdError) as refused:
        write(folder, where, part, items)
    assert not (folder / "text_feat.npy").exists()
    return refused.value


def test_pickles_are_never_loaded(tmp_path):
    mark = tmp_path / "mark"
    objects = np.array([Bomb(mark), Bomb(mark)], dtype=object)
    np.save(tmp_path / "f.npy", objects, allow_pickle=True)
    np.save(tmp_path / "f_ids.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "f.npz", ids=objects, vectors=np.ones((2, 2)))
    np.savez(tmp_path / "g.npz", ids=["a", "b"], vectors=objects)
    (tmp_path / "p.npy").write_bytes(pickle.dumps(Bomb(mark)))
    (tmp_path / "p.parquet").write_bytes(pickle.dumps(Bomb(mark)))
    folder = tmp_path / "items"
    folder.mkdir()
    np.save(folder / "a.npy", objects, allow_pickle=True)
    np.save(tmp_path / "h.npy", np.ones((2, 2)))
    tries = [(tmp_path / name, "") for name in ("f.npz", "g.npz", "p.parquet", "items")]
    ids = str(layouts.ids_file(tmp_path, ["a", "b"]))
    tries += [
        (tmp_path / "f.npy", ids),
        (tmp_path / "p.npy", ids),
        (tmp_path / "h.npy", "f_ids.npy"),
    ]
    for where, part in tries:
        error = refusal(tmp_path, where, part)
        assert isinstance(error, DamagedFileError), where
        assert error.hint
    assert not mark.exists()


def test_a_cell_that_is_no_number_is_named_with_its_line(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("itemID,f0,f1\na,1,2\nb,3,four\n")
    error = refusal(tmp_path, path)
    assert str(error).startswith("column 'f1': expected a number, got 'four'")
    assert error.where[0].line == 3


def test_a_vector_with_a_word_in_it_is_named_with_its_line(tmp_path):
    path = tmp_path / "f.tsv"
    path.write_text("item_id\temb\na\t1 2\nb\t3 four\n")
    error = refusal(tmp_path, path, "emb")
    assert "column 'emb': expected numbers, got 'four'" in str(error)
    assert error.where[0].line == 3


def test_vectors_of_several_lengths(tmp_path):
    path = tmp_path / "f.tsv"
    path.write_text("item_id\temb\na\t1 2\nb\t3 4 5\n")
    error = refusal(tmp_path, path)
    assert "expected 2 numbers, as in the first row, got 3 numbers" in str(error)
    assert error.where[0].line == 3


def test_a_table_with_texts_beside_the_numbers(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("itemID,title,f0,f1\na,A dress,1,2\nb,A hat,3,4\n")
    error = refusal(tmp_path, path)
    assert "column 'title': expected a number, got 'A dress'" in str(error)
    (report,) = write(tmp_path, path, "f*")
    assert report.dimension == 2


def test_two_columns_of_vectors(tmp_path):
    path = tmp_path / "f.tsv"
    path.write_text("item_id\te\tg\na\t1 2\t1 2\n")
    error = refusal(tmp_path, path)
    assert error.found == "e, g"
    assert error.hint == f"name it: --features text={path}:e"


def test_a_column_that_is_not_there(tmp_path):
    path = tmp_path / "f.tsv"
    path.write_text("item_id\temb\na\t1 2\n")
    assert "did you mean emb?" in refusal(tmp_path, path, "embb").hint


def test_rows_without_ids(tmp_path):
    np.save(tmp_path / "f.npy", np.ones((2, 3)))
    error = refusal(tmp_path, tmp_path / "f.npy")
    assert isinstance(error, ConfigError)
    assert "which item each row of the text vectors belongs to is not said" in str(error)
    assert f"--features text={tmp_path / 'f.npy'}:ids.txt" in error.hint


def test_ids_that_do_not_fit_the_rows(tmp_path):
    np.save(tmp_path / "f.npy", np.ones((2, 3)))
    error = refusal(tmp_path, tmp_path / "f.npy", str(layouts.ids_file(tmp_path, "abc")))
    assert "expected one id for each of the 2 text vectors, got 3 ids" in str(error)
    assert len(error.where) == 2


def test_an_empty_line_among_the_ids(tmp_path):
    np.save(tmp_path / "f.npy", np.ones((3, 3)))
    (tmp_path / "ids.txt").write_text("a\n\nb\n")
    assert "id 2 is empty" in str(refusal(tmp_path, tmp_path / "f.npy", "ids.txt"))


@pytest.mark.parametrize("ids", ["{}", "[1.5]", "[", "[null]"])
def test_ids_in_json_that_are_no_list_of_ids(tmp_path, ids):
    np.save(tmp_path / "f.npy", np.ones((1, 3)))
    (tmp_path / "ids.json").write_text(ids)
    assert "ids.json" in str(refusal(tmp_path, tmp_path / "f.npy", "ids.json"))


def test_a_zip_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("ccd.importing.features.arrays.FREE_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "f.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vectors.npy", bytes(10**7))
    assert "would unpack to 10,000,000" in str(refusal(tmp_path, tmp_path / "f.npz"))


def test_a_folder_of_arrays_that_are_no_vectors(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    np.save(folder / "a.npy", np.ones((4, 3)))
    error = refusal(tmp_path, folder)
    assert "shape [4, 3]" in str(error)
    assert error.where[0].file == str(folder / "a.npy")
    np.save(folder / "a.npy", np.ones(3))
    np.save(folder / "b.npy", np.ones(4))
    error = refusal(tmp_path, folder)
    assert "expected 3 numbers, as in the other files, got 4" in str(error)


def test_files_of_one_item_in_two_folders(tmp_path):
    for layer in ("layer1", "layer2"):
        (tmp_path / "v" / layer).mkdir(parents=True)
        np.save(tmp_path / "v" / layer / "a.npy", np.array([1.0, 2.0]))
    error = refusal(tmp_path, tmp_path / "v", items="a")
    assert "item 'a' has files in two folders" in str(error)
    assert error.where[1].file.endswith("layer2/a.npy")
    (report,) = write(tmp_path, tmp_path / "v" / "layer1", items="a")
    assert report.missing == 0


@pytest.mark.parametrize("name", ["nothing.npy", "nothing.parquet", "nowhere"])
def test_what_is_not_there(tmp_path, name):
    error = refusal(tmp_path, tmp_path / name)
    assert "there is no such file or folder" in str(error)
    assert "Parquet" in error.hint


@pytest.mark.parametrize(
    "name", ["f.npy", "f.npz", "f.safetensors", "f.parquet", "f.csv", "f.item", "f.jsonl"]
)
@settings(max_examples=25)
@given(content=st.one_of(st.just(b""), st.binary(max_size=60)))
def test_no_content_makes_anything_but_a_refusal(name, content, tmp_path_factory):
    folder = tmp_path_factory.mktemp("f")
    (folder / name).write_bytes(content)
    ids = str(layouts.ids_file(folder, ["a", "b"])) if name[-1] in "yzs" else ""
    refusal(folder, folder / name, ids)


@pytest.mark.parametrize("layout", layouts.ALL, ids=lambda f: f.__name__)
@settings(max_examples=8)
@given(share=st.floats(0, 0.99))
def test_a_file_that_was_cut_off(layout, share, tmp_path_factory):
    """Text may end in the last cell of any line, which nothing can tell; all else is refused."""
    folder = tmp_path_factory.mktemp("f")
    layout(folder, ["a", "b"], np.arange(1.0, 9).reshape(2, 4) ** 0.5)
    source = FeatureSource("text", str(next(p for p in folder.iterdir() if p.stem != "order")))
    if layout is layouts.npy_beside_ids:
        source = FeatureSource("text", str(folder / "f.npy"), "order.txt")
    path = next(p for p in [Path(source.where), *folder.rglob("*.*")] if p.is_file())
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    try:
        (report,) = write_features([source], ["a", "b"], None, folder, FeaturePolicy())
    except CcdError:
        assert not (folder / "text_feat.npy").exists()
    else:
        assert path.suffix in (".csv", ".item", ".jsonl", ".txt")
        assert 1 <= report.rows <= 2


@pytest.mark.parametrize(
    ("text", "option", "expected"),
    [
        ("text=v.parquet", "--features", ("text", "v.parquet", "")),
        ("text=v.parquet:emb", "--features", ("text", "v.parquet", "emb")),
        ("img-1=d/v.npy:ids.txt", "--features", ("img-1", "d/v.npy", "ids.txt")),
        ("text=title", "--encode", ("text", "title", "")),
        ("text=title,brand:a/b", "--encode", ("text", "title,brand", "a/b")),
    ],
)
def test_options_are_taken_apart(text, option, expected):
    source = parse_feature_option(text, option)
    assert (source.name, source.where, source.part) == expected
    assert str(source) == f"{option} {text}"


def test_a_path_with_a_colon(tmp_path):
    path = tmp_path / "a:b.npy"
    path.touch()
    assert parse_feature_option(f"text={path}").where == str(path)


@pytest.mark.parametrize(
    "text", ["", "text", "text=", "=v.npy", "te/xt=v.npy", "te xt=v.npy", "keys=v.npy"]
)
def test_options_of_another_form(text):
    with pytest.raises(ConfigError) as refused:
        parse_feature_option(text)
    assert refused.value.keys == ("--features",)
    assert refused.value.hint


def test_the_report_is_plain(tmp_path):
    np.savez(tmp_path / "f.npz", ids=["a"], vectors=np.ones((1, 3)) * [1, 2, 3])
    (report,) = write(tmp_path, tmp_path / "f.npz")
    assert json.loads(json.dumps(report.to_json()))["dtype"] == "float32"
