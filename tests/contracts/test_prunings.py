"""Every registered pruning, without an edit here."""

import pytest
import torch

from ccd import catalogue
from ccd.graphs.engines import DglEngine
from ccd.graphs.propagation import propagate
from ccd.graphs.user_item import UserItemGraph
from ccd.registry import components
from tests.backbones.worlds import DIM, N_ITEMS, N_USERS, dataset

catalogue.load()


def prune(component, drop_ratio, seed=0):
    train = dataset().train
    users, items = (torch.from_numpy(ids) for ids in (train.users, train.items))
    full = UserItemGraph(users, items, N_USERS, N_ITEMS, DglEngine())
    rng = torch.Generator().manual_seed(1)
    tables = (torch.randn(n, DIM, generator=rng) for n in (N_USERS, N_ITEMS))
    stream = torch.Generator().manual_seed(seed)
    return full, component.target(full, drop_ratio, *tables, stream)


@pytest.mark.parametrize("pruning", components("pruning"), ids=lambda c: c.name)
class TestPrunings:
    def test_keeps_the_stated_share_of_the_edges(self, pruning):
        full, pruned = prune(pruning, 0.8)
        assert len(pruned.users) == int(len(full.users) * (1 - 0.8))
        kept = set((pruned.users * N_ITEMS + pruned.items).tolist())
        assert len(kept) == len(pruned.users)
        assert kept < set((full.users * N_ITEMS + full.items).tolist())

    def test_nodes_without_edges_propagate_to_zero(self, pruning):
        _, pruned = prune(pruning, 0.9)
        x = torch.ones(N_USERS + N_ITEMS, 2)
        out = propagate(pruned, x)
        used = torch.unique(torch.cat([pruned.users, pruned.items + N_USERS]))
        assert len(used) < len(x)
        assert (out.abs().sum(1) > 0).nonzero()[:, 0].tolist() == used.tolist()

    def test_the_operator_is_symmetric(self, pruning):
        _, pruned = prune(pruning, 0.5)
        matrix = pruned(torch.eye(N_USERS + N_ITEMS))
        torch.testing.assert_close(matrix, matrix.T)

    def test_the_stream_decides(self, pruning):
        first, again, other = (prune(pruning, 0.5, seed)[1] for seed in (0, 0, 1))
        assert torch.equal(first.users, again.users)
        assert torch.equal(first.items, again.items)
        assert not torch.equal(first.users, other.users)
