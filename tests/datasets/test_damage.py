"""Bytes flipped and files cut short: an input is read as it was, refused, or visibly another one.

What cannot be seen from a file's own content, such as a digit in an id, changes the fingerprint of
the data set. A traceback of Python's, or a result with the old fingerprint, is a fault.
"""

from __future__ import annotations

import re
import shutil
import warnings

import numpy as np
import pytest

from ccd.config.recipe import load_recipe
from ccd.datasets.mmrec import mmrec_dataset
from ccd.errors import CcdError
from tests.datasets.files import N_ITEMS, ROWS, random_features, write_dataset, write_inter

DAMAGES = 200
"""Of each file; a quarter of them cuts it short."""
GIN = """
include 'gin/base.gin'
include 'gin/backbones/freedom.gin'
Ablation:
  variants = {'a': [], 'b': ['dma']}
  baseline = 'a'
  seeds = (1, 2)
Trainer.epochs = 5
SCALE = 1e-3
Trainer.learning_rate = %SCALE
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A data set with every kind of file."""
    top = tmp_path_factory.mktemp("whole")
    folder = write_dataset(top / "mini")
    write_inter(folder / "mini.inter", [(f"u{u}", f"B{i}", x) for u, i, x in ROWS])
    np.save(folder / "text_feat.npy", random_features(dtype="float64"))
    (folder / "items.txt").write_text("".join(f"B{i}\n" for i in range(N_ITEMS)))
    (folder / "names.tsv").write_text("itemID\tname\nB0\tBib\nB3\tCup\u00e9\n")
    (folder / "names.csv").write_text('itemID,name\nB0,"Bib, ""blue"""\nB3,Cup\n')
    ids = np.argsort(-np.random.default_rng(0).random((N_ITEMS, N_ITEMS)))[:, :3]
    np.savez(folder / "knn.npz", indices=ids, cosine=np.full((N_ITEMS, 3), 0.5, np.float32))
    return top


def load(top, names="names.tsv"):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return mmrec_dataset(
            [top],
            name="mini",
            interactions="mini.inter",
            features={"image": "image_feat.npy", "text": "text_feat.npy"},
            neighbours={"image": "knn.npz"},
            item_order="items.txt",
            item_names=names,
        )


def damaged(data: bytes, rng: np.random.Generator):
    """The same bytes with one to three bits flipped, bytes replaced, or cut short."""
    for number in range(DAMAGES):
        changed = bytearray(data)
        if number % 4 == 3:
            yield bytes(changed[: rng.integers(len(changed))])
            continue
        for _ in range(1 + number % 3):
            place = rng.integers(len(changed))
            changed[place] = rng.integers(256) if number % 2 else changed[place] ^ (1 << number % 8)
        yield bytes(changed)


def told(data):
    """All that a run uses or shows of a data set."""
    return data.fingerprint, data.item_names


@pytest.mark.parametrize(
    "name",
    [
        "mini.inter",
        "image_feat.npy",
        "text_feat.npy",
        "knn.npz",
        "items.txt",
        "names.tsv",
        "names.csv",
    ],
)
def test_a_damaged_data_file_is_refused_or_another_data_set(whole, tmp_path, name):
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    names = name if name.startswith("names") else "names.tsv"
    expected = told(load(tmp_path, names))
    path = tmp_path / "mini" / name
    data = path.read_bytes()
    rng = np.random.default_rng(len(name))
    refused, unread = 0, 0
    for changed in damaged(data, rng):
        path.write_bytes(changed)
        try:
            found = load(tmp_path, names)
        except CcdError as error:
            refused += str(tmp_path) in str(error)
            unread += 1
            continue
        if name.endswith(".npz"):
            # A zip archive has a checksum of each array: what is read is what was written.
            assert told(found) == expected
        elif told(found) == expected:
            assert_means_the_same(data, changed, name)
    assert refused == unread > DAMAGES // 6, "every refusal names its file"


def assert_means_the_same(data: bytes, changed: bytes, name: str) -> None:
    """Only what has no meaning may change unseen: padding, blanks, a heading, the last line end."""
    if name.endswith(".npy"):
        kind = "<f8" if name.startswith("text") else "<f4"  # used as float32
        ours, theirs = (np.frombuffer(text[128:], kind).astype("<f4") for text in (data, changed))
        assert np.array_equal(ours, theirs)
    else:
        if name.startswith("names"):  # the heading of its first column may be any word
            data, changed = (re.sub(rb"^[^\t,\n]*", b"", text) for text in (data, changed))
        ours, theirs = (b"".join(text.split()) for text in (data, changed))
        assert ours == theirs or data.strip(b"\n") == changed.strip(b"\n")


@pytest.mark.parametrize("kind", ["recipe", "dataset"])
def test_a_damaged_gin_file_is_refused_or_read(tmp_path, kind):
    """A changed digit is another setting, which ``ccd show`` shows; nothing ends in a traceback."""
    text = GIN
    if kind == "dataset":
        text = (
            "Experiment.dataset = @mmrec_dataset\nmmrec_dataset:\n  name = 'mini'\n"
            "  interactions = 'mini.inter'\n  features = {'image': ('a.npy', 'b.npy')}\n"
        )
    path = tmp_path / "own.gin"
    rng = np.random.default_rng(len(kind))
    refused = 0
    for changed in damaged(text.encode(), rng):
        path.write_bytes(changed)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                if kind == "recipe":
                    load_recipe(path)
                else:
                    load_recipe("recipes/systems/bpr_mf.gin", dataset=str(path))
            except CcdError:
                refused += 1
    assert refused > DAMAGES // 4


@pytest.mark.parametrize("name", ["a" * 4000, "/".join(["b" * 200] * 30), "nul\0byte", "."])
def test_names_that_no_file_can_have_are_refused(tmp_path, name):
    write_dataset(tmp_path / "mini")
    for wrong in (
        {"interactions": name},
        {"name": name},
        {"features": {"image": name}},
        {"item_order": name},
    ):
        settings = {"name": "mini", "interactions": "mini.inter", "features": {}, **wrong}
        if wrong == {"name": "."}:
            continue
        with pytest.raises(CcdError):
            mmrec_dataset([tmp_path], **settings)
    if name != ".":
        with pytest.raises(CcdError):
            load_recipe(f"{name}.gin")
        with pytest.raises(CcdError):
            load_recipe("recipes/systems/bpr_mf.gin", dataset=f"{name}.gin")
