from __future__ import annotations

from pathlib import Path

import pytest

from ccd.datasets.locate import Wanted, data_folders, locate
from ccd.errors import DataError

WANTED = {
    "rows": Wanted("interactions", ("mini.inter",)),
    "image": Wanted("image features", ("image_feat.npy", "image_surrogate.npy")),
    "lists": Wanted("nearest items", ("image_knn.npz",), required=False),
}


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def find(*folders: Path) -> dict[str, Path]:
    return locate("mini", WANTED, folders, source="from their publisher")


def test_folders_come_in_the_documented_order(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_DATA", "elsewhere")
    assert data_folders(tmp_path) == [tmp_path, Path("elsewhere"), Path("data")]
    monkeypatch.delenv("CCD_DATA")
    assert data_folders(None) == [Path("data")]
    monkeypatch.setenv("CCD_DATA", "data")
    assert data_folders(None) == [Path("data")]


def test_a_data_dir_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="--data-dir must be a folder, got '.*nope'"):
        data_folders(tmp_path / "nope")


@pytest.mark.parametrize("inside", [".", "mini"])
def test_files_lie_in_the_folder_or_in_one_of_its_name(tmp_path, inside):
    home = put(tmp_path / inside, "mini.inter", "image_feat.npy")
    assert find(tmp_path) == {"rows": home / "mini.inter", "image": home / "image_feat.npy"}


def test_the_preferred_name_wins_and_optional_files_are_found(tmp_path):
    names = ("mini.inter", "image_surrogate.npy", "image_feat.npy", "image_knn.npz")
    found = find(put(tmp_path, *names))
    assert found["image"].name == "image_feat.npy"
    assert found["lists"].name == "image_knn.npz"
    (tmp_path / "image_feat.npy").unlink()
    assert find(tmp_path)["image"].name == "image_surrogate.npy"


def test_the_first_complete_place_wins_and_copies_are_not_mixed(tmp_path):
    put(tmp_path / "a", "mini.inter")
    put(tmp_path / "b", "image_feat.npy")
    with pytest.raises(DataError):
        find(tmp_path / "a", tmp_path / "b")
    complete = put(tmp_path / "c", "mini.inter", "image_feat.npy")
    put(tmp_path / "d", "mini.inter", "image_feat.npy")
    folders = (tmp_path / name for name in "abcd")
    assert {path.parent for path in find(*folders).values()} == {complete}


def test_the_refusal_says_what_where_and_how(tmp_path):
    put(tmp_path / "mini", "mini.inter")
    put(tmp_path, "notes.txt")
    with pytest.raises(DataError) as caught:
        find(tmp_path, tmp_path / "nope")
    message = str(caught.value)
    assert caught.value.exit_code == 3
    assert "no folder has all files of data set 'mini'" in message
    assert "image_feat.npy or image_surrogate.npy: image features" in message
    assert "image_knn.npz" not in message
    lacks = "lacks image_feat.npy or image_surrogate.npy; holds mini.inter"
    assert f"{tmp_path / 'mini'}    {lacks}" in message
    assert f"{tmp_path}    lacks mini.inter, image_feat.npy" in message
    assert "holds mini/, notes.txt" in message
    assert f"{tmp_path / 'nope'}    no such folder" in message
    assert "source: from their publisher\n  put the files into data/mini," in message
    assert "--data-dir or $CCD_DATA" in message
    assert "'planted'" in message


def test_long_listings_are_cut_and_empty_folders_said(tmp_path):
    put(tmp_path / "many", *(f"file{i}" for i in range(20)))
    put(tmp_path / "none")
    with pytest.raises(DataError) as caught:
        find(tmp_path / "many", tmp_path / "none")
    assert "file0, file1, file10" in str(caught.value)
    assert "file9" not in str(caught.value)
    assert "holds nothing" in str(caught.value)


def test_a_place_that_cannot_be_looked_into_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot look into this folder"):
        find(tmp_path / ("x" * 5000))
