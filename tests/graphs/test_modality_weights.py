"""Weights of modalities in an item graph: as given, and as the interactions tell."""

from itertools import permutations

import numpy as np
import pytest
import torch
from scipy import sparse

from ccd.errors import ConfigError
from ccd.graphs.engines import DglEngine
from ccd.graphs.item_knn import knn_graph
from ccd.graphs.modality_weights import cosine_above_chance, given_weights, measured_weights
from tests.graphs.test_item_knn import as_matrix, dataset


def test_given_weights():
    data = dataset()
    assert given_weights(data, {"image": 0.1}) == {"image": 0.1, "text": 0.9}
    assert given_weights(data, {}) == {"image": 0.5, "text": 0.5}
    assert given_weights(data, {"image": 0.2, "text": 0.2}) == {"image": 0.5, "text": 0.5}
    with pytest.raises(ConfigError, match="'audio'.*image, text"):
        given_weights(data, {"audio": 0.3})
    with pytest.raises(ConfigError, match="at most 1"):
        given_weights(data, {"image": 0.9, "text": 0.9})


def interactions(seed=3, n_users=40, n_items=24):
    rng = np.random.default_rng(seed)
    dense = (rng.random((n_users, n_items)) < 0.2).astype(np.float64)
    dense[:, 5] = 0  # an item that nobody took
    return dense


def test_cosine_above_chance_is_what_its_words_say():
    dense = interactions()
    n = dense.shape[1]
    neighbours = np.random.default_rng(1).integers(0, n, (n, 4))
    neighbours[0] = [0, -1, -1, 2]

    def cosine(i, j):
        lengths = np.linalg.norm(dense[:, i]) * np.linalg.norm(dense[:, j])
        return dense[:, i] @ dense[:, j] / lengths if lengths else 0.0

    pairs = [(i, j) for i in range(n) for j in neighbours[i] if j >= 0 and j != i]
    chance = np.mean([cosine(i, j) for i, j in permutations(range(n), 2)])
    expected = np.mean([cosine(i, j) for i, j in pairs]) - chance
    found = cosine_above_chance(neighbours, sparse.csr_matrix(dense))
    assert found == pytest.approx(expected, abs=1e-12)


def test_the_modality_that_tells_more_weighs_more():
    dense = interactions()
    n = dense.shape[1]
    lengths = np.linalg.norm(dense, axis=0) + 1e-9
    cosines = (dense.T @ dense) / np.outer(lengths, lengths)
    telling = np.argsort(-cosines, axis=1)[:, :4]
    half = np.where(np.arange(4) < 2, telling, np.random.default_rng(2).integers(0, n, (n, 4)))
    contrary = np.argsort(cosines, axis=1)[:, :4]
    matrix = sparse.csr_matrix(dense)
    weights = measured_weights({"a": telling, "b": half, "c": contrary}, matrix)
    assert weights["a"] > weights["b"] > 0
    assert weights["c"] == 0
    assert sum(weights.values()) == pytest.approx(1)
    ratio = cosine_above_chance(telling, matrix) / cosine_above_chance(half, matrix)
    assert weights["a"] / weights["b"] == pytest.approx(ratio**2)


@pytest.mark.parametrize("neighbours", [np.full((24, 3), -1), np.arange(24)[:, None]])
def test_modalities_that_say_nothing_weigh_the_same(neighbours):
    matrix = sparse.csr_matrix(interactions())
    assert cosine_above_chance(neighbours, matrix) == 0.0
    assert measured_weights({"a": neighbours, "b": neighbours}, matrix) == {"a": 0.5, "b": 0.5}


def test_a_graph_without_given_weights_measures_them():
    data = dataset()
    cpu = torch.device("cpu")
    alone = {
        name: as_matrix(knn_graph(data, DglEngine(), cpu, k=4, weights={name: 1.0}))
        for name in ("image", "text")
    }
    ids = {name: np.stack([row.nonzero()[0] for row in m.numpy()]) for name, m in alone.items()}
    weights = measured_weights(ids, data.train_matrix)
    mixed = sum(weight * alone[name] for name, weight in weights.items())
    torch.testing.assert_close(as_matrix(knn_graph(data, DglEngine(), cpu, k=4)), mixed)
