import json

import numpy as np
import pytest

from ccd.datasets import Dataset, Interactions, Neighbours, planted_world
from ccd.datasets.describe import bin_label, describe


def pairs(*edges):
    users, items = zip(*edges, strict=True)
    return Interactions(np.array(users), np.array(items))


@pytest.fixture
def found():
    image = np.ones((6, 3), dtype=np.float16)
    image[0] = 0
    image[1] = 2
    lists = Neighbours(np.zeros((6, 2), dtype=np.int32), np.ones((6, 2), dtype=np.float32))
    dataset = Dataset(
        name="mini",
        n_users=3,
        n_items=6,
        train=pairs((0, 0), (0, 1), (0, 2), (0, 3), (1, 0)),
        valid=pairs((0, 4), (1, 1)),
        test=pairs((1, 4)),
        features={"image": image, "text": np.eye(6, dtype=np.float32)},
        neighbours={"image": lists},
        fingerprint="f00d",
        notes=("a note",),
    )
    return describe(dataset)


def test_sizes(found):
    assert (found.n_users, found.n_items, found.n_interactions) == (3, 6, 8)
    assert found.sparsity == pytest.approx(1 - 8 / 18)
    train, valid = found.splits["train"], found.splits["valid"]
    assert (train.interactions, train.users, train.items) == (5, 2, 4)
    assert (valid.interactions, valid.users, valid.items) == (2, 2, 2)


def test_modalities(found):
    image, text = found.modalities["image"], found.modalities["text"]
    assert (image.dim, image.dtype, image.missing, image.repeated, image.neighbours) == (
        3, "float16", 1, 4, 2,
    )  # fmt: skip
    assert (text.dim, text.missing, text.repeated, text.neighbours) == (6, 0, 0, 0)
    # Of the 15 pairs of items, the one user with 4 items has 6.
    assert text.users.shared == text.users.shuffled == pytest.approx(12 / 30)
    assert image.users.low <= image.users.shared <= image.users.high


def test_cold_starts_and_degrees(found):
    assert (found.cold_users, found.untrained_users, found.cold_items) == (2, 1, 2)
    assert found.user_degrees.mean == pytest.approx(5 / 3)
    quantiles = found.user_degrees.quantiles
    assert (quantiles["least"], quantiles["median"], quantiles["most"]) == (0, 1, 4)
    assert found.user_degrees.histogram == (1, 1, 0, 1)
    assert found.item_degrees.histogram == (2, 3, 1)


def test_bins_double():
    assert [bin_label(i) for i in range(6)] == ["0", "1", "2-3", "4-7", "8-15", "16-31"]


def test_bins_hold_every_user_of_a_larger_world():
    dataset = planted_world([], n_users=120, n_items=100, n_clusters=8, affinity=4.0)
    found = describe(dataset)
    degrees = np.bincount(dataset.train.users, minlength=120)
    assert sum(found.user_degrees.histogram) == 120
    for index, count in enumerate(found.user_degrees.histogram):
        low, _, high = bin_label(index).partition("-")
        assert count == ((degrees >= int(low)) & (degrees <= int(high or low))).sum()
    assert found.modalities["image"].missing == dataset.truth["image_missing"].sum()
    assert found.cold_users == (degrees < 4).sum()


def test_json_is_plain(found):
    record = json.loads(json.dumps(found.to_json()))
    assert record["splits"]["train"]["interactions"] == 5
    assert record["notes"] == ["a note"]
