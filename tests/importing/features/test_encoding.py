"""Encoding with an encoder made here: what is encoded, kept, gone on with, and refused."""

from __future__ import annotations

import sqlite3

import numpy as np
import pyarrow as pa
import pytest

from ccd.errors import ConfigError, DamagedFileError, DataError, ResourceError
from ccd.importing.features import FeaturePolicy, FeatureSource, featured, write_features
from ccd.importing.features.models import find_model, need

ITEMS = ["0012", "7", "b", "c"]
TEXTS = {
    "title": pa.array(["A hat", "A dress", None, "A hat"]),
    "brand": pa.array(["X", None, "Y", ""]),
    "tags": pa.array([["red", "wool"], None, [], ["blue"]]),
}


class Letters:
    """Counts letters; remembers its batches, and may stop at one of them."""

    name, version = "letters", "v1"

    def __init__(self) -> None:
        self.batches: list[list] = []
        self.stop_at = 10**9

    def encode(self, contents):
        if len(self.batches) >= self.stop_at:
            raise KeyboardInterrupt
        self.batches.append(list(contents))
        return [self.vector(content) for content in contents]

    def vector(self, content):
        text = content if isinstance(content, str) else content.read_text()
        return None if text == "broken" else np.float32([len(text), text.count("a") + 1, len(text)])


@pytest.fixture
def encoder(monkeypatch, tmp_path):
    made = Letters()
    for kind in ("text_encoder", "image_encoder"):
        monkeypatch.setattr(f"ccd.importing.features.encoders.{kind}", lambda *_: made)
    monkeypatch.setattr("ccd.importing.features.encoding._BATCH", 2)
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))
    return made


def encode(folder, where, items=TEXTS, **policy):
    source = FeatureSource("text", str(where), "", "--encode")
    (report,) = write_features([source], ITEMS, items, folder, FeaturePolicy(**policy))
    return np.load(folder / report.file), report


def test_texts_become_rows_and_blank_ones_are_missing(encoder, tmp_path):
    array, report = encode(tmp_path, "title")
    assert array[:, 0].tolist() == [5, 7, 0, 5]
    assert (report.rows, report.missing, report.repeated) == (3, 1, 2)
    assert report.source["encoder"] == "letters"
    assert report.source["encoder_version"] == "v1"


def test_columns_and_lists_are_joined_by_blanks(encoder, tmp_path):
    encode(tmp_path, "title,brand")
    assert {text for batch in encoder.batches for text in batch} == {
        "A hat X", "A dress", "Y", "A hat",
    }  # fmt: skip
    encoder.batches.clear()
    encode(tmp_path, "tags")
    assert encoder.batches == [["red wool", "blue"]]


def test_each_text_is_encoded_once_ever(encoder, tmp_path):
    first, _ = encode(tmp_path, "title")
    assert encoder.batches == [["A dress", "A hat"]]
    again, _ = encode(tmp_path, "title")
    assert len(encoder.batches) == 1
    assert (first == again).all()


def test_another_version_of_the_encoder_encodes_again(encoder, tmp_path):
    encode(tmp_path, "title")
    encoder.version = "v2"
    encode(tmp_path, "title")
    assert len(encoder.batches) == 2


def test_it_goes_on_where_it_was_stopped(encoder, tmp_path):
    texts = {"title": [f"{'a' * n}" for n in (4, 3, 2, 1)]}
    encoder.stop_at = 1
    with pytest.raises(KeyboardInterrupt):
        encode(tmp_path, "title", texts)
    assert not (tmp_path / "text_feat.npy").exists()
    assert not list(tmp_path.glob(".text*"))
    encoder.stop_at = 10**9
    array, _ = encode(tmp_path, "title", texts)
    assert encoder.batches == [["aaaa", "aaa"], ["aa", "a"]]
    assert array[:, 0].tolist() == [4, 3, 2, 1]


def test_batches_do_not_depend_on_what_is_in_the_cache(encoder, tmp_path):
    encode(tmp_path, "title", {"title": ["aaa", None, None, None]})
    encode(tmp_path, "title", {"title": ["aaaa", "aaa", "aa", "a"]})
    assert encoder.batches[1:] == [["aaaa", "aaa"], ["aa", "a"]]


def test_progress_is_told(encoder, tmp_path):
    told = []
    source = FeatureSource("text", "title", "", "--encode")
    write_features([source], ITEMS, {"title": list("abcd")}, tmp_path, FeaturePolicy(),
                   progress=lambda what, share: told.append((what, share)))  # fmt: skip
    assert {what for what, _ in told} == {"encoding text"}
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    (folder / "0012.jpg").write_text("aaa")
    (folder / "more" / "b.PNG").write_text("aaa")
    (folder / "stranger.jpg").write_text("x")
    (folder / "notes.txt").write_text("x")
    return folder


def test_a_folder_of_images(encoder, photos, tmp_path):
    array, report = encode(tmp_path, photos, None)
    assert array[:, 0].tolist() == [3, 0, 3, 0]
    assert (report.rows, report.missing, report.unknown_ids) == (3, 2, 1)
    assert len(encoder.batches) == 1
    assert len(encoder.batches[0]) == 1  # one content, though two files
    source = FeatureSource("text", str(photos), "", "--encode")
    assert featured([source], ITEMS, None, FeaturePolicy()).tolist() == [1, 0, 1, 0]


def test_two_images_of_an_item_are_repeated_rows(encoder, photos, tmp_path):
    (photos / "0012.png").write_text("aaaaa")
    array, report = encode(tmp_path, photos, None, duplicates="last")
    assert array[0, 0] == 5
    assert report.duplicates == 1


def test_an_image_that_cannot_be_read(encoder, photos, tmp_path):
    (photos / "7.webp").write_text("broken")
    with pytest.raises(DataError, match="image of item '7' cannot be read") as refused:
        encode(tmp_path, photos, None)
    assert refused.value.where[0].file == str(photos / "7.webp")
    assert "--non-finite-features missing" in refused.value.hint
    array, report = encode(tmp_path, photos, None, non_finite="missing")
    assert array[:, 0].tolist() == [3, 0, 3, 0]
    assert (report.unreadable, report.missing) == (1, 2)


def test_a_column_goes_before_a_folder_of_its_name(encoder, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    array, _ = encode(tmp_path, "photos", {"photos": ["aa", None, None, None]})
    assert array[0, 0] == 2
    array, _ = encode(tmp_path, "./photos", {"photos": ["aa", None, None, None]})
    assert array[0, 0] == 3


def test_a_column_of_paths_names_images(encoder, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = ["photos/0012.jpg", None, " photos/more/b.PNG ", ""]
    array, report = encode(tmp_path, "photo", {"photo": paths, "title": TEXTS["title"]})
    assert array[:, 0].tolist() == [3, 0, 3, 0]
    assert report.source["kind"] == "images that column 'photo' of the items names"
    array, _ = encode(tmp_path, "title,photo", {"photo": paths, "title": ["A", "", "", ""]})
    assert array[0, 0] == len("A photos/0012.jpg")  # several columns make a text
    for cell, said in (("photos/9.jpg", "relative to"), ("https://shop/9.jpg", "download it")):
        with pytest.raises(DataError, match="an image that is not there") as refused:
            encode(tmp_path, "photo", {"photo": [None, cell, None, None]})
        assert said in refused.value.hint
        assert "item '7'" in str(refused.value)


@pytest.mark.parametrize(
    ("where", "items", "said"),
    [
        ("titel", TEXTS, "did you mean title?"),
        ("title,brnd", TEXTS, "did you mean brand?"),
        ("title", None, "--items"),
    ],
)
def test_what_is_neither_a_column_nor_a_folder(encoder, tmp_path, where, items, said):
    with pytest.raises(ConfigError, match="neither a folder nor a column") as refused:
        encode(tmp_path, where, items)
    assert said in refused.value.hint


def test_nothing_to_encode(encoder, tmp_path):
    with pytest.raises(DataError, match="there is no text vector of any item"):
        encode(tmp_path, "title", {"title": [None, "", " ", None]})
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds no .jpg file"):
        encode(tmp_path, tmp_path / "empty", None)


def test_a_damaged_cache_is_named(encoder, tmp_path):
    path = tmp_path / "cache" / "encoded" / "v1.sqlite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database" * 100)
    with pytest.raises(DamagedFileError, match="cache of encoded vectors is damaged") as refused:
        encode(tmp_path, "title")
    assert refused.value.where[0].file == str(path)
    path.unlink()
    encode(tmp_path, "title")
    with sqlite3.connect(path) as file:
        file.execute("UPDATE vectors SET vector = x'010203'")
    with pytest.raises(DamagedFileError, match="cut off"):
        encode(tmp_path, "title")


def test_an_absent_package_says_what_to_type():
    with pytest.raises(ResourceError, match="encoding texts needs the package no-such-thing") as no:
        need("no_such_thing", "encoding texts")
    assert no.value.hint == "pip install 'ccdrec[features]'"


def files(folder, *names, content="{}"):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(content)
    return folder


def test_a_model_in_a_folder_is_checked(tmp_path):
    good = files(tmp_path / "good", "config.json", "model.safetensors", "pytorch_model.bin")
    assert find_model(str(good), "", print) == good
    bad = files(tmp_path / "bad", "config.json", "pytorch_model.bin")
    with pytest.raises(DamagedFileError, match="pickled") as refused:
        find_model(str(bad), "", print)
    assert refused.value.where[0].file.endswith("pytorch_model.bin")
    with pytest.raises(DamagedFileError, match="holds no encoder"):
        find_model(str(files(tmp_path / "other", "readme.md")), "", print)
    (good / "modules.json").write_text('[{"type": "os.system"}]')
    with pytest.raises(DamagedFileError, match=r"code of its own, got os\.system"):
        find_model(str(good), "", print)
    (good / "modules.json").write_text("[1")
    with pytest.raises(DamagedFileError, match="modules"):
        find_model(str(good), "", print)
    with pytest.raises(ConfigError, match="no such folder with an encoder"):
        find_model(str(tmp_path / "nowhere"), "", print)
