"""The user-item graph's operators against dense matrices."""

import pytest
import torch

from ccd.graphs.propagation import propagate
from tests.graphs.bipartite import N_USERS, dense_operator, graph


@pytest.mark.parametrize("averaging", [False, True])
def test_one_layer_equals_dense_in_value_and_gradient(averaging):
    x = torch.randn(9, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    value, expected = propagate(graph(averaging=averaging), x), dense_operator(averaging) @ x
    torch.testing.assert_close(value, expected, atol=1e-5, rtol=0)
    weight = torch.randn(9, 3, generator=torch.Generator().manual_seed(1))
    got, true = (torch.autograd.grad((y * weight).sum(), x) for y in (value, expected))
    torch.testing.assert_close(got, true, atol=1e-5, rtol=0)


def test_sources_are_the_nodes_and_their_neighbours():
    nodes = torch.tensor([3, 0])
    sources, places, edges = graph().sources(nodes)
    assert sources.tolist() == [0, 3, N_USERS, N_USERS + 1, N_USERS + 2]
    assert sources[places].tolist() == nodes.tolist()
    x = torch.randn(9, 3)
    expected = graph().adjacency.sum_sources(x)[nodes]
    torch.testing.assert_close(edges.sum_sources(x[sources]), expected)
