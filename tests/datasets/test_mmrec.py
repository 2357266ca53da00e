from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ccd.config.language import read_file
from ccd.config.problems import Problems
from ccd.config.resolve import resolve
from ccd.datasets import Dataset, mmrec_dataset
from ccd.errors import ConfigError, DamagedFileError, DataError
from tests.datasets.files import N_ITEMS, ROWS, random_features, write_dataset, write_inter

FEATURES = {"image": "image_feat.npy", "text": ("text_feat.npy", "text_surrogate.npy")}
WIRING = Path(__file__).parents[2] / "gin" / "datasets"


def load(folder: Path, **settings) -> Dataset:
    return mmrec_dataset(
        [folder],
        **({"name": "mini", "interactions": "mini.inter", "features": FEATURES} | settings),
    )


def built(name: str, folder: Path) -> Dataset:
    """The data set as ``gin/datasets/NAME.gin`` wires it."""
    layer, problems = read_file(WIRING / f"{name}.gin"), Problems()
    graph = resolve(layer, "mmrec_dataset", layer.bindings[0].origin, problems)
    problems.raise_if_any()
    return graph.root.factory()([folder])


def test_a_whole_data_set_is_read(tmp_path):
    dataset = load(write_dataset(tmp_path / "mini").parent)
    assert (dataset.name, dataset.n_users, dataset.n_items) == ("mini", 3, N_ITEMS)
    assert [len(part) for part in (dataset.train, dataset.valid, dataset.test)] == [6, 3, 3]
    assert list(dataset.features) == ["image", "text"]
    assert isinstance(dataset.features["image"], np.memmap)
    assert len(dataset.fingerprint) == 64
    assert dataset.notes == (
        "2 of 6 items have no training interaction (cold, kept)",
        "text features are read from text_feat.npy",
    )
    assert not dataset.neighbours
    assert not dataset.truth


def test_no_features_and_many_features_are_both_a_data_set(tmp_path):
    write_dataset(tmp_path)
    assert not load(tmp_path, features={}).features
    many = {f"view{i}": "image_feat.npy" for i in range(4)}
    assert list(load(tmp_path, features=many).features) == list(many)


def test_the_same_content_has_the_same_fingerprint_anywhere(tmp_path):
    first, second = (write_dataset(tmp_path / name) for name in "ab")
    assert load(first).fingerprint == load(second).fingerprint
    write_inter(second / "mini.inter", [*ROWS, (0, 5, 0)])
    assert load(first).fingerprint != load(second).fingerprint


def test_neighbours_are_used_where_found(tmp_path):
    write_dataset(tmp_path)
    lists = {"image": "image_knn.npz", "text": "text_knn.npz"}
    cosine = np.ones((N_ITEMS, 2))
    np.savez(tmp_path / "image_knn.npz", indices=np.zeros((N_ITEMS, 2), int), cosine=cosine)
    dataset = load(tmp_path, neighbours=lists)
    assert list(dataset.neighbours) == ["image"]
    assert "image neighbours are read from image_knn.npz" in dataset.notes


@pytest.mark.parametrize("name", ["img.v2", "a/b", "keys", "forward", "training", "a b", "T_x\n"])
def test_names_that_no_part_of_a_model_can_have_are_refused(tmp_path, name):
    with pytest.raises(ConfigError, match=r"mmrec_dataset\.features: a modality cannot be called"):
        load(write_dataset(tmp_path), features={name: "image_feat.npy"})


@pytest.mark.parametrize("name", ["日本", "view_2", "image-v2"])
def test_names_of_letters_are_taken(tmp_path, name):
    write_dataset(tmp_path)
    assert list(load(tmp_path, features={name: "image_feat.npy"}).features) == [name]


def test_neighbours_of_an_unknown_modality_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="'imgae' is no modality of .*: 'image', 'text'"):
        load(tmp_path, neighbours={"imgae": "image_knn.npz"})


def test_policies_reach_their_part(tmp_path):
    write_dataset(tmp_path)
    write_inter(tmp_path / "mini.inter", [*ROWS, ROWS[0], (0, 0, 2)])
    broken = random_features()
    broken[1] = np.nan
    np.save(tmp_path / "image_feat.npy", broken)
    with pytest.raises(DataError, match="mmrec_dataset.leaks"):
        load(tmp_path)
    with pytest.raises(DataError, match="mmrec_dataset.non_finite"):
        load(tmp_path, leaks="drop")
    with pytest.raises(DataError, match="mmrec_dataset.duplicates"):
        load(tmp_path, leaks="drop", non_finite="zero", duplicates="refuse")
    dataset = load(tmp_path, leaks="drop", non_finite="zero")
    assert not dataset.features["image"][1].any()
    said = " ".join(dataset.notes)
    assert all(word in said for word in ("1 duplicate", "1 leaked", "1 items with NaN"))


def write_text_ids(folder: Path) -> None:
    """The same data set as ``write_dataset``'s, with texts for ids."""
    write_dataset(folder)
    write_inter(folder / "mini.inter", [(f"u{u}", f"i{9 - i}", x) for u, i, x in ROWS])
    (folder / "items.txt").write_text("".join(f"i{9 - i}\n" for i in range(N_ITEMS)))


def test_text_ids_of_items_with_features_need_their_order(tmp_path):
    write_text_ids(tmp_path)
    with pytest.raises(DataError, match=r"'i9' is no row .*\n.*mini.inter:2\n.*item_order"):
        load(tmp_path)
    with pytest.raises(DataError, match=r"absent.txt: item ids, one a line, by feature row"):
        load(tmp_path, item_order="absent.txt")


def test_text_ids_with_their_order_are_the_same_data_set(tmp_path):
    plain = load(write_dataset(tmp_path / "mini").parent)
    write_text_ids(tmp_path / "texts")
    texts = load(tmp_path / "texts", item_order="items.txt")
    for split in ("train", "valid", "test"):
        assert np.array_equal(getattr(texts, split).users, getattr(plain, split).users)
        assert np.array_equal(getattr(texts, split).items, getattr(plain, split).items)
    assert texts.user_ids == ("u0", "u1", "u2")
    assert texts.item_ids == ("i9", "i8", "i7", "i6", "i5", "i4")
    assert (plain.user_ids, plain.item_ids) == ((), ())
    assert any(note.startswith("mini.inter: user ids do not count") for note in texts.notes)
    assert texts.fingerprint != plain.fingerprint


def test_an_order_of_more_items_than_feature_rows_is_refused(tmp_path):
    write_text_ids(tmp_path)
    with (tmp_path / "items.txt").open("a") as file:
        file.write("i0\n")
    with pytest.raises(DataError, match="image features .* each of the 7 items, got 6 rows"):
        load(tmp_path, item_order="items.txt")


def test_text_ids_of_items_without_features_are_numbered(tmp_path):
    write_text_ids(tmp_path)
    dataset = load(tmp_path, features={})
    assert dataset.item_ids == ("i4", "i5", "i6", "i7", "i8", "i9")
    assert dataset.item_ids[dataset.train.items[0]] == "i9"


def test_features_of_other_items_are_refused(tmp_path):
    write_dataset(tmp_path)
    np.save(tmp_path / "text_feat.npy", random_features(N_ITEMS - 1))
    with pytest.raises(DataError, match="text features .* each of the 6 items, got 5 rows"):
        load(tmp_path)


def test_a_truncated_feature_file_is_damaged(tmp_path):
    path = write_dataset(tmp_path) / "image_feat.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedFileError, match=r"is truncated.*\n.*image_feat.npy") as caught:
        load(tmp_path)
    assert caught.value.exit_code == 7


def test_a_missing_data_set_is_refused_with_its_source(tmp_path):
    with pytest.raises(DataError, match="no folder has all files of data set 'mini'") as caught:
        load(tmp_path, source="published with the toolbox")
    assert "source: published with the toolbox\n  put the files into data/mini" in str(caught.value)
    assert "text_feat.npy or text_surrogate.npy: text features" in str(caught.value)


@pytest.mark.parametrize("name", ["baby", "sports", "clothing", "tiktok"])
def test_the_wiring_builds_its_data_set_and_says_where_to_get_it(tmp_path, name):
    second = "audio" if name == "tiktok" else "text"
    with pytest.raises(DataError, match=f"'{name}'(.|\n)*https://github.com/"):
        built(name, tmp_path)
    write_dataset(tmp_path / name, name)
    (tmp_path / name / "text_feat.npy").rename(tmp_path / name / f"{second}_feat.npy")
    dataset = built(name, tmp_path)
    assert (dataset.name, list(dataset.features)) == (name, ["image", second])


@pytest.mark.real
def test_baby_has_its_published_counts(real_data):
    baby = built("baby", real_data)
    assert (baby.n_users, baby.n_items) == (19_445, 7_050)
    sizes = [len(part) for part in (baby.train, baby.valid, baby.test)]
    assert sizes == [118_551, 20_559, 21_682]
    assert np.bincount(baby.train.users).min() >= 3
    assert "3 of 7,050 items have no training interaction (cold, kept)" in baby.notes
    assert {x.shape[0] for x in baby.features.values()} == {7_050}
    assert {lists.indices.shape for lists in baby.neighbours.values()} == {(7_050, 10)}
    assert not any("z =" in note for note in baby.notes)


@pytest.mark.real
def test_tiktok_has_its_published_counts(real_data):
    tiktok = built("tiktok", real_data)
    assert (tiktok.n_users, tiktok.n_items) == (9_308, 6_710)
    # 10 of the 3,051 + 6,130 held-out rows are of users without a training row.
    sizes = [len(part) for part in (tiktok.train, tiktok.valid, tiktok.test)]
    assert sizes == [59_541, 3_046, 6_125]
    assert {x.shape for x in tiktok.features.values()} == {(6_710, 128)}
    said = " ".join(tiktok.notes)
    assert "10 users without a training interaction" in said
    assert "465 of 6,710 items have no training interaction" in said
    assert "audio: 104 items (1.5%) share their vector" in said
    assert "z =" not in said
