import pytest
import torch

from ccd.graphs.engines import DglEngine, TorchEngine
from ccd.graphs.propagation import propagate
from ccd.graphs.user_item import MeanConvolution, UserItemGraph

USERS = torch.tensor([0, 0, 1, 2, 2, 2, 3])
ITEMS = torch.tensor([0, 1, 1, 0, 1, 2, 2])
N_USERS, N_ITEMS = 4, 5  # items 3 and 4 have no edges


def graph(engine=None, averaging=False):
    return UserItemGraph(USERS, ITEMS, N_USERS, N_ITEMS, engine or DglEngine(), averaging=averaging)


def dense_operator(averaging):
    """``D^-1/2 A D^-1/2``, or ``D^-1 (A + I)``."""
    n = N_USERS + N_ITEMS
    adjacency = torch.zeros(n, n)
    adjacency[USERS, ITEMS + N_USERS] = 1
    adjacency += adjacency.T.clone()
    degree = adjacency.sum(1)
    if averaging:
        return (adjacency + torch.eye(n)) / (degree + 1)[:, None]
    scale = torch.where(degree > 0, (degree + 1e-7).rsqrt(), 0.0)
    return scale[:, None] * adjacency * scale


def dense_mean(x, n_layers, averaging=False):
    layers = [x]
    for _ in range(n_layers):
        layers.append(dense_operator(averaging) @ layers[-1])
    return torch.stack(layers).mean(0)


@pytest.mark.parametrize("engine", [DglEngine(), TorchEngine()], ids=lambda e: e.name)
@pytest.mark.parametrize("averaging", [False, True])
@pytest.mark.parametrize("n_layers", [0, 1, 2, 4])
def test_light_gcn_equals_dense_in_value_and_gradient(engine, averaging, n_layers):
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


@pytest.mark.parametrize("averaging", [False, True])
def test_one_layer_equals_dense_in_value_and_gradient(averaging):
    x = torch.randn(9, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    value, expected = propagate(graph(averaging=averaging), x), dense_operator(averaging) @ x
    torch.testing.assert_close(value, expected, atol=1e-5, rtol=0)
    weight = torch.randn(9, 3, generator=torch.Generator().manual_seed(1))
    got, true = (torch.autograd.grad((y * weight).sum(), x) for y in (value, expected))
    torch.testing.assert_close(got, true, atol=1e-5, rtol=0)


def convolved(table, n_layers):
    return MeanConvolution(graph(), n_layers)(table[:N_USERS], table[N_USERS:])


def test_zero_layers_return_the_input():
    x = torch.randn(9, 3)
    assert torch.equal(convolved(x, 0), x)


def test_an_item_without_edges_keeps_its_share_of_layer_zero():
    x = torch.randn(9, 3)
    torch.testing.assert_close(convolved(x, 2)[7], x[7] / 3)
