"""LightGCN's convolution against dense matrices, for all rows and for some."""

import pytest
import torch

from ccd.graphs import mean_convolution
from ccd.graphs.engines import DglEngine, TorchEngine
from ccd.graphs.mean_convolution import MeanConvolution
from ccd.graphs.propagation import propagate
from tests.graphs.bipartite import N_ITEMS, N_USERS, dense_operator, graph


def dense_mean(x, n_layers, averaging=False):
    layers = [x]
    for _ in range(n_layers):
        layers.append(dense_operator(averaging) @ layers[-1])
    return torch.stack(layers).mean(0)


@pytest.mark.parametrize("engine", [DglEngine(), TorchEngine()], ids=lambda e: e.name)
@pytest.mark.parametrize("averaging", [False, True])
@pytest.mark.parametrize("n_layers", [0, 1, 2, 4])
# All hops over all nodes; the last over its sources, those before over all; all over their sources.
@pytest.mark.parametrize("few", [0, 0.6, 1])
def test_equals_dense_in_value_and_gradient(engine, averaging, n_layers, few, monkeypatch):
    monkeypatch.setattr(mean_convolution, "FEW", few)
    rng = torch.Generator().manual_seed(0)
    users = torch.randn(N_USERS, 6, generator=rng, requires_grad=True)
    items = torch.randn(N_ITEMS, 6, generator=rng, requires_grad=True)
    expected = dense_mean(torch.cat([users, items]), n_layers, averaging)
    for rows in (None, (torch.tensor([3, 0]), torch.tensor([1, 4, 2]))):
        value = propagate(MeanConvolution(graph(engine, averaging), n_layers, rows), users, items)
        wanted = expected if rows is None else expected[torch.cat([rows[0], rows[1] + N_USERS])]
        torch.testing.assert_close(value, wanted, atol=1e-5, rtol=0)
        weight = torch.randn(wanted.shape, generator=rng)
        got = torch.autograd.grad((value * weight).sum(), (users, items))
        true = torch.autograd.grad((wanted * weight).sum(), (users, items), retain_graph=True)
        torch.testing.assert_close(got, true, atol=1e-5, rtol=0)


def convolved(table, n_layers):
    return MeanConvolution(graph(), n_layers)(table[:N_USERS], table[N_USERS:])


def test_zero_layers_return_the_input():
    x = torch.randn(9, 3)
    assert torch.equal(convolved(x, 0), x)


def test_an_item_without_edges_keeps_its_share_of_layer_zero():
    x = torch.randn(9, 3)
    torch.testing.assert_close(convolved(x, 2)[7], x[7] / 3)
