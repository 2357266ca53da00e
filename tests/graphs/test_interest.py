"""SOIL's edges where items lack a modality and users have no interactions."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ccd.graphs.engines import DglEngine, TorchEngine
from ccd.graphs.interest import interest_edges, second_order_interactions
from ccd.graphs.propagation import propagate
from ccd.graphs.weighted_user_item import WeightedUserItemGraph
from tests.backbones.worlds import CPU, N_ITEMS, N_USERS, dataset


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


@pytest.fixture
def gaps():
    """A world in which item 3 has no text, item 4 no features at all, and user 0 nothing."""
    data = dataset()
    features = {name: table.copy() for name, table in data.features.items()}
    features["text"][[3, 4]] = 0
    features["image"][4] = 0
    kept = data.train.users != 0
    train = type(data.train)(data.train.users[kept], data.train.items[kept])
    return replace(data, features=features, train=train)


def test_an_item_has_interest_edges_where_it_has_features(gaps):
    edges = interest_edges(gaps, CPU, 5)
    ends = {name: set(torch.cat(of_one[:2]).tolist()) for name, of_one in edges.items()}
    assert 3 in ends["image"]
    assert not {3, 4} & ends["text"]
    assert 4 not in ends["image"]
    assert all((of_one.weights > 0).all() for of_one in edges.values())


def test_more_interests_than_items_are_all_items(gaps):
    few, many = (interest_edges(gaps, CPU, n)["image"] for n in (N_ITEMS, 10 * N_ITEMS))
    assert torch.equal(few.source, many.source)


def test_second_order_interactions_keep_the_interactions_and_add_few(gaps):
    train = gaps.train_matrix
    found = second_order_interactions(gaps, 2)
    added = (found - train).tocsr()
    assert found.shape == (N_USERS, N_ITEMS)
    assert added.min() >= 0
    added.eliminate_zeros()
    per_user = np.diff(added.indptr)
    assert set(per_user.tolist()) <= {0, 1, 2}
    assert per_user[1:].min() > 0
    assert added[0].nnz == 0  # a user without a history
    assert added.tocsc()[:, [3, 4]].nnz == 0  # items that lack a modality


@pytest.mark.parametrize("engine", [DglEngine(), TorchEngine()], ids=lambda e: e.name)
def test_a_weighted_graph_and_its_way_to_users_are_the_dense_ones(gaps, engine):
    weights = second_order_interactions(gaps, 2)
    graph = WeightedUserItemGraph(weights, 0.5, engine, CPU)
    dense = torch.from_numpy(weights.toarray()).float()
    scale = [torch.where(s > 0, s.rsqrt(), 0.0) for s in (dense.sum(1), dense.sum(0))]
    block = 0.5 * scale[0][:, None] * dense * scale[1]
    whole = torch.zeros(N_USERS + N_ITEMS, N_USERS + N_ITEMS)
    whole[:N_USERS, N_USERS:], whole[N_USERS:, :N_USERS] = block, block.T
    x = torch.randn(len(whole), 20, generator=torch.Generator().manual_seed(0), requires_grad=True)
    for operator, table, matrix in [
        (graph, x, whole),
        (graph.to_users(torch.tensor([0, 7, 2])), x[N_USERS:], block[[0, 7, 2]]),
    ]:
        ours, theirs = propagate(operator, table), matrix @ table
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)
        got, true = (torch.autograd.grad(y.square().sum(), x)[0] for y in (ours, theirs))
        torch.testing.assert_close(got, true, atol=1e-5, rtol=1e-5)
