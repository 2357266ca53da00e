from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from ccd.datasets import neighbour_users as module
from ccd.datasets import planted_world
from ccd.datasets.neighbour_users import neighbour_users
from tests.datasets.worlds import small_world


@pytest.fixture(scope="module")
def world():
    return planted_world([], n_users=300, n_items=200, n_clusters=8)


def by_hand(features, matrix):
    """Share and cosine of the 10 nearest, from dense matrices."""
    items = np.flatnonzero(features.any(axis=1))
    together = (matrix.T @ matrix).toarray()
    degrees = together.diagonal()
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-30)
    shares, cosines = [], []
    for item in items:
        others = items[items != item]
        nearest = others[np.argsort(-(unit[others] @ unit[item]))[:10]]
        shares += [together[item, other] > 0 for other in nearest]
        cosines += [
            together[item, other] / max(1, np.sqrt(degrees[item] * degrees[other]))
            for other in nearest
        ]
    return np.mean(shares), np.mean(cosines)


def test_it_is_what_dense_matrices_give(world, monkeypatch):
    for features in world.features.values():
        share, cosine = by_hand(features, world.train_matrix)
        for block in (2**24, 2500):
            monkeypatch.setattr(module, "_BLOCK_ELEMENTS", block)
            found = neighbour_users(features, world.train_matrix)
            assert found.shared == pytest.approx(share, abs=1e-3)
            assert found.cosine == pytest.approx(cosine, abs=1e-4)


def test_features_that_say_nothing_are_as_if_shuffled(world):
    noise = np.random.default_rng(0).normal(size=(200, 16)).astype(np.float32)
    found = neighbour_users(noise, world.train_matrix)
    assert found.low < found.shuffled < found.high
    assert found.cosine == pytest.approx(found.shuffled_cosine, rel=0.2)
    told = neighbour_users(world.features["text"], world.train_matrix)
    assert told.low > 1.5 * told.shuffled
    assert told.low < told.shared < told.high


def test_the_shuffled_share_is_that_of_any_two_items(world):
    together = (world.train_matrix.T @ world.train_matrix).toarray() > 0
    off = ~np.eye(200, dtype=bool)
    items = np.flatnonzero(world.features["text"].any(axis=1))
    expected = together[np.ix_(items, items)][off[np.ix_(items, items)]].mean()
    found = neighbour_users(world.features["text"], world.train_matrix)
    assert found.shuffled == pytest.approx(expected, rel=0.05)


def test_a_sample_gives_about_the_same(world, monkeypatch):
    whole = neighbour_users(world.features["text"], world.train_matrix)
    monkeypatch.setattr(module, "_MOST_ITEMS", 80)
    part = neighbour_users(world.features["text"], world.train_matrix)
    assert part.low < whole.shared < part.high
    assert part.high - part.low > whole.high - whole.low


def test_it_is_repeatable_and_indifferent_to_scale_and_half_precision(world):
    features = world.features["image"]
    found = neighbour_users(features, world.train_matrix)
    assert neighbour_users(features, world.train_matrix) == found
    assert neighbour_users(features * 8, world.train_matrix) == found
    half = neighbour_users(features.astype(np.float16), world.train_matrix)
    assert half.shared == pytest.approx(found.shared, abs=0.01)


def test_few_items_with_features():
    matrix = small_world().train_matrix
    features = np.zeros((matrix.shape[1], 4), dtype=np.float32)
    assert neighbour_users(features, matrix) is None
    features[3] = 1
    assert neighbour_users(features, matrix) is None
    features[5] = 2
    found = neighbour_users(features, matrix)
    expected = float(np.asarray(matrix[:, 3].multiply(matrix[:, 5]).sum()) > 0)
    assert found.shared == found.low == found.high == found.shuffled == expected


def test_items_without_interactions_share_nothing():
    features = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    found = neighbour_users(features, sparse.csr_matrix((5, 30), dtype=np.float32))
    assert (found.shared, found.cosine, found.shuffled) == (0, 0, 0)


def test_lastfm_has_the_published_figures(real_data):
    """Co-listening of neighbours as shared/data/README.md gives it: mean cosine of columns."""
    folder = real_data / "lfm2k"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    users, items, label = np.loadtxt(folder / "lfm2k.inter", skiprows=1, dtype=np.int64).T
    train = label == 0
    ones = np.ones(train.sum(), dtype=np.float32)
    matrix = sparse.csr_matrix((ones, (users[train], items[train])), shape=(1858, 1425))
    for name, expected in (("text", 0.096), ("audio_vggish", 0.035), ("audio_whisper", 0.031)):
        found = neighbour_users(np.load(folder / f"{name}_feat.npy"), matrix)
        assert found.cosine == pytest.approx(expected, abs=0.001)
        assert found.shuffled_cosine == pytest.approx(0.012, abs=0.001)
        assert found.low > found.shuffled
