import pytest
import torch

from ccd.graphs.engines import DglEngine, TorchEngine
from ccd.graphs.propagation import propagate
from ccd.graphs.user_item import UserItemGraph
from ccd.graphs.user_item_operators import ItemsToUsers, NeighbourMean

USERS = torch.tensor([0, 0, 1, 2, 2, 2, 3])
ITEMS = torch.tensor([0, 1, 1, 0, 1, 2, 2])
N_USERS, N_ITEMS = 4, 5  # items 3 and 4 have no edges

engines = pytest.mark.parametrize("engine", [DglEngine(), TorchEngine()], ids=lambda e: e.name)


def dense_adjacency():
    n = N_USERS + N_ITEMS
    adjacency = torch.zeros(n, n)
    adjacency[USERS, ITEMS + N_USERS] = 1
    return adjacency + adjacency.T


def compare(operator, matrix, x):
    value = propagate(operator, x)
    torch.testing.assert_close(value, matrix @ x, atol=1e-5, rtol=0)
    weight = torch.randn(value.shape, generator=torch.Generator().manual_seed(1))
    got = torch.autograd.grad((value * weight).sum(), x)
    true = torch.autograd.grad((matrix @ x * weight).sum(), x)
    torch.testing.assert_close(got, true, atol=1e-5, rtol=0)


def table(n_rows):
    return torch.randn(n_rows, 6, generator=torch.Generator().manual_seed(0), requires_grad=True)


@engines
@pytest.mark.parametrize("users", [[0, 1, 2, 3], [3, 0], []])
def test_items_to_users_is_the_block_of_the_symmetric_adjacency(engine, users):
    adjacency = dense_adjacency()
    degree = adjacency.sum(1)
    scale = torch.where(degree > 0, (degree + 1e-7).rsqrt(), 0.0)
    block = (scale[:, None] * adjacency * scale)[:N_USERS, N_USERS:]
    graph = UserItemGraph(USERS, ITEMS, N_USERS, N_ITEMS, engine)
    rows = torch.tensor(users, dtype=torch.int64)
    compare(ItemsToUsers(graph, rows), block[rows], table(N_ITEMS))


@engines
@pytest.mark.parametrize("nodes", [None, [3, 0, 5, 8]])
def test_the_neighbour_mean_equals_the_dense_one(engine, nodes):
    matrix = dense_adjacency()
    matrix = matrix / matrix.sum(1, keepdim=True).clamp(min=1)  # without edges: 0
    rows = None if nodes is None else torch.tensor(nodes)
    mean = NeighbourMean(UserItemGraph(USERS, ITEMS, N_USERS, N_ITEMS, engine), rows)
    compare(mean, matrix if rows is None else matrix[rows], table(N_USERS + N_ITEMS))
