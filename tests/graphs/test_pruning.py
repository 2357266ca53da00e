"""Which edges an epoch keeps, and MCDRec's degrees against a dense restatement."""

import pytest
import torch
from torch.nn import functional as F

from ccd.graphs.engines import DglEngine
from ccd.graphs.mean_convolution import MeanConvolution
from ccd.graphs.propagation import propagate
from ccd.graphs.pruning import (
    PrunedGraph,
    degree_pruning,
    diffusion_guided_pruning,
    draw_edges,
)
from ccd.graphs.user_item import UserItemGraph

N_USERS, N_ITEMS, DIM = 300, 200, 6


def stream(seed=3):
    return torch.Generator().manual_seed(seed)


def many_edges():
    rng = stream(0)
    keys = torch.unique(
        torch.randint(N_USERS, (4000,), generator=rng) * N_ITEMS
        + (torch.rand(4000, generator=rng) ** 3 * N_ITEMS).long()
    )
    return UserItemGraph(keys // N_ITEMS, keys % N_ITEMS, N_USERS, N_ITEMS, DglEngine())


def tables():
    rng = stream(1)
    return torch.randn(N_USERS, DIM, generator=rng), torch.randn(N_ITEMS, DIM, generator=rng)


def dense_degrees(graph, users, items, guidance, kept):
    """``D'_u`` and ``D'_i``: row and column sums of ``(1 + tau cos) R`` over the kept edges."""
    cosine = F.normalize(users) @ F.normalize(items).T
    mask = torch.zeros(N_USERS, N_ITEMS)
    mask[graph.users[kept], graph.items[kept]] = 1
    weights = mask * (1 + guidance * cosine)
    return mask, weights.sum(1), weights.sum(0)


def test_popular_items_lose_more():
    full = many_edges()
    item_degrees = full.degrees[N_USERS:]
    rng = stream(4)
    kept = torch.zeros(N_ITEMS)
    for _ in range(30):
        kept += degree_pruning(full, 0.5, *tables(), rng).degrees[N_USERS:]
    share = kept / (30 * item_degrees.clamp(min=1))
    popular = item_degrees > item_degrees.float().quantile(0.9)
    rare = (item_degrees < item_degrees.float().quantile(0.5)) & (item_degrees > 0)
    assert share[popular].mean() < share[rare].mean() - 0.1


def test_degree_pruning_counts_edges():
    pruned = degree_pruning(many_edges(), 0.8, *tables(), stream())
    assert pruned.degrees.sum() == 2 * len(pruned.users)


def test_probabilities_are_inverse_to_the_root_of_the_degrees():
    """Of many draws of one edge, each edge gets its share ``1/sqrt(d_u d_i)``."""
    users, items = torch.tensor([0, 0, 1, 2]), torch.tensor([0, 1, 1, 1])
    graph = UserItemGraph(users, items, 3, 2, DglEngine())
    degrees = torch.tensor([2.0, 1.5, 0.7, 1.2, 3.0])
    rng, draws = stream(), torch.zeros(4)
    for _ in range(5_000):
        draws[draw_edges(graph, degrees, 0.75, rng)] += 1
    weight = (degrees[users] * degrees[items + 3]).rsqrt()
    torch.testing.assert_close(draws / 5_000, weight / weight.sum(), atol=0.03, rtol=0)


@pytest.mark.parametrize("guided_draw", [True, False])
def test_the_guided_graph_equals_the_dense_restatement(guided_draw):
    full, (users, items) = many_edges(), tables()
    pruned = diffusion_guided_pruning(
        full, 0.6, users, items, stream(), guidance=0.5, guided_draw=guided_draw
    )
    # The edges: a draw by guided degrees over the full graph, or by plain ones.
    everything = torch.arange(len(full.users))
    _, *guided = dense_degrees(full, users, items, 0.5, everything)
    degrees = torch.cat(guided) if guided_draw else full.degrees
    kept = draw_edges(full, degrees, 0.6, stream())
    assert torch.equal(pruned.users, full.users[kept])
    assert torch.equal(pruned.items, full.items[kept])
    # Their weights: 1/sqrt(D'_u D'_i) over the kept edges.
    mask, by_user, by_item = dense_degrees(full, users, items, 0.5, kept)
    scale_u, scale_i = (d.rsqrt().where(d > 0, 0.0) for d in (by_user, by_item))
    block = scale_u[:, None] * mask * scale_i
    n = N_USERS + N_ITEMS
    matrix = torch.zeros(n, n)
    matrix[:N_USERS, N_USERS:], matrix[N_USERS:, :N_USERS] = block, block.T
    x = torch.cat([users, items])
    torch.testing.assert_close(propagate(pruned, x), matrix @ x, atol=1e-5, rtol=0)
    expected = (x + matrix @ x + matrix @ matrix @ x) / 3
    torch.testing.assert_close(
        propagate(MeanConvolution(pruned, 2), users, items), expected, atol=1e-5, rtol=0
    )


def test_without_guidance_it_is_degree_pruning():
    full, (users, items) = many_edges(), tables()
    plain = degree_pruning(full, 0.6, users, items, stream())
    idle = diffusion_guided_pruning(full, 0.6, users, items, stream(), guidance=0.0)
    assert torch.equal(plain.users, idle.users)
    torch.testing.assert_close(plain.left, idle.left)


def test_similar_ends_weaken_the_edges_of_their_node():
    """One user, two items: the degree is ``2 + tau (cos_1 + cos_2)``."""
    graph = UserItemGraph(torch.tensor([0, 0]), torch.tensor([0, 1]), 1, 2, DglEngine())
    users, items = torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 3.0]])
    degrees = diffusion_guided_pruning(graph, 0.0, users, items, stream(), guidance=0.5).degrees
    torch.testing.assert_close(degrees, torch.tensor([2.5, 1.5, 1.0]))


def test_a_pruned_graph_is_redrawn_for_an_epoch_by_what_it_is_given():
    seen = []

    def spy(graph, drop_ratio, users, items, rng):
        seen.append((drop_ratio, items))
        return degree_pruning(graph, drop_ratio, users, items, rng)

    users, items = tables()
    graph = PrunedGraph(many_edges(), spy, 0.5)
    assert graph.at(True) is graph.at(False) is graph.full
    graph.redraw(users, items.requires_grad_(), stream())
    assert graph.at(True) is graph.epoch is not graph.full
    assert graph.at(False) is graph.full
    graph.redraw(users, items + 1, stream())
    assert [ratio for ratio, _ in seen] == [0.5, 0.5]
    assert torch.equal(seen[0][1], items)
    assert torch.equal(seen[1][1], items + 1)
    assert not any(guide.requires_grad for _, guide in seen)
