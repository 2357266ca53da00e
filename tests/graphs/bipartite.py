"""A small bipartite graph and its operators as dense matrices."""

import torch

from ccd.graphs.engines import DglEngine
from ccd.graphs.user_item import UserItemGraph

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
