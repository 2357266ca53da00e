import numpy as np
import pytest
import torch

from ccd.errors import ConfigError
from ccd.graphs import user_user
from ccd.graphs.engines import DglEngine, TorchEngine
from ccd.graphs.propagation import propagate
from ccd.graphs.user_user import (
    CoInteractions,
    UserUserGraph,
    check_neighbours,
    co_interactions,
)

N_USERS, N_ITEMS = 40, 25


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def edges(seed=0):
    rng = np.random.default_rng(seed)
    keys = np.sort(rng.choice((N_USERS - 1) * N_ITEMS, 260, replace=False))  # the last has none
    return keys // N_ITEMS, keys % N_ITEMS


def dense_counts():
    users, items = edges()
    matrix = np.zeros((N_USERS, N_ITEMS), dtype=int)
    matrix[users, items] = 1
    counts = matrix @ matrix.T
    np.fill_diagonal(counts, 0)
    return counts


@pytest.mark.parametrize("block", [1, 7 * N_USERS, 10**6])
def test_heaviest_neighbours_equal_the_dense_counts(monkeypatch, block):
    monkeypatch.setattr(user_user, "_BLOCK_CELLS", block)
    found = co_interactions(*edges(), N_USERS, N_ITEMS, 6)
    for user, counts in enumerate(dense_counts()):
        order = np.argsort(-counts, kind="stable")[:6]
        order = order[counts[order] > 0]
        assert found["neighbours"][user, : len(order)].tolist() == order.tolist()
        assert found["counts"][user, : len(order)].tolist() == counts[order].tolist()
        assert (found["counts"][user, len(order) :] == 0).all()


def kept(k=200, seed=0):
    users, items = (torch.from_numpy(ids) for ids in edges(seed))
    return CoInteractions(users, items, N_USERS, N_ITEMS, DglEngine(), k)


def test_a_short_list_is_filled_with_its_own_members():
    counts = torch.from_numpy(dense_counts())
    drawn = kept().draw(35, torch.Generator().manual_seed(1))
    assert drawn.neighbours.shape == (N_USERS, 35)
    shorter = 0
    for user in range(N_USERS - 1):
        known = set(counts[user].nonzero()[:, 0].tolist())
        shorter += len(known) < 35
        assert len(known & set(drawn.neighbours[user].tolist())) == min(len(known), 35)
        assert torch.equal(drawn.counts[user], counts[user][drawn.neighbours[user]])
        assert (drawn.counts[user] > 0).all()
    assert shorter > 3
    assert (drawn.counts[-1] == 0).all()


def test_drawing_leaves_the_lists_and_repeats_with_the_stream():
    lists = kept()
    before = lists.neighbours.clone()
    first, again, other = (lists.draw(35, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(lists.neighbours, before)
    assert torch.equal(first.neighbours, again.neighbours)
    assert not torch.equal(first.neighbours, other.neighbours)


def test_the_cache_is_keyed_by_content(monkeypatch):
    calls = []
    make = user_user.co_interactions
    monkeypatch.setattr(
        user_user, "co_interactions", lambda *args: calls.append(args) or make(*args)
    )
    for seed, k in ((0, 5), (0, 5), (1, 5), (0, 6)):
        kept(k, seed)
    assert len(calls) == 3


def dense_weights(graph):
    """Row u holds the softmax of u's counts, summed where a neighbour is listed twice."""
    matrix = torch.zeros(N_USERS, N_USERS)
    for user, (ids, counts) in enumerate(zip(graph.neighbours, graph.counts, strict=True)):
        if counts[0] > 0:
            matrix[user].index_add_(0, ids, torch.softmax(counts.float(), 0))
    return matrix


@pytest.mark.parametrize("engine", [DglEngine(), TorchEngine()], ids=lambda e: e.name)
def test_weighted_mean_equals_dense_in_value_and_gradient(engine):
    drawn = kept().draw(12, torch.Generator().manual_seed(3))
    graph = UserUserGraph(drawn.neighbours, drawn.counts, engine)
    matrix = dense_weights(graph)
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(N_USERS, 5, generator=rng, requires_grad=True)
    for rows in (None, torch.tensor([7, 0, N_USERS - 1, 3])):
        value = propagate(graph.into(rows), x)
        wanted = (matrix if rows is None else matrix[rows]) @ x
        torch.testing.assert_close(value, wanted, atol=1e-5, rtol=0)
        weight = torch.randn(wanted.shape, generator=rng)
        got = torch.autograd.grad((value * weight).sum(), x)
        true = torch.autograd.grad((wanted * weight).sum(), x)
        torch.testing.assert_close(got, true, atol=1e-5, rtol=0)


def test_a_user_without_neighbours_has_a_mean_of_zero():
    drawn = kept().draw(4, torch.Generator().manual_seed(3))
    assert (drawn.into()(torch.ones(N_USERS, 2))[-1] == 0).all()


def test_more_neighbours_than_are_kept_are_refused():
    check_neighbours("DualGNN", 200, 200)
    with pytest.raises(ConfigError, match="n_neighbours = 41 exceeds .*n_kept_neighbours = 40"):
        check_neighbours("DualGNN", 41, 40)
