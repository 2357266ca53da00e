"""Further operators over the user-item graph: items to users, and means over neighbours."""

from __future__ import annotations

import torch
from torch import Tensor

from ccd.graphs.user_item import UserItemGraph


class ItemsToUsers:
    """The user-item block of ``A_hat``: users sum over their items.

    Args:
        graph: The user-item graph.
        users: Users ``[n]`` whose rows are wanted.
    """

    def __init__(self, graph: UserItemGraph, users: Tensor) -> None:
        self._edges = graph.into(users)
        self._n_users, self._item_scale = graph.n_users, graph.right[graph.n_users :]
        self._user_scale = graph.left.index_select(0, users)

    def __call__(self, items: Tensor) -> Tensor:
        """Carry ``items [n_items, dim]`` to their users: ``[n, dim]``."""
        nodes = items.new_zeros(self._n_users + len(items), items.shape[1])
        torch.mul(items, self._item_scale, out=nodes[self._n_users :])
        return self._edges.sum_sources(nodes).mul_(self._user_scale)

    def adjoint(self, grad: Tensor) -> tuple[Tensor]:
        """Carry users ``[n, dim]`` to their items: ``[n_items, dim]``."""
        nodes = self._edges.sum_targets(grad * self._user_scale)
        return (nodes[self._n_users :] * self._item_scale,)


class HistorySum:
    """The operator of the bare interactions: users sum over their items.

    Args:
        graph: The user-item graph.
    """

    def __init__(self, graph: UserItemGraph) -> None:
        sizes = graph.n_items, graph.n_users
        self._adjacency = graph.engine.adjacency(graph.items, graph.users, *sizes)

    def __call__(self, items: Tensor) -> Tensor:
        """Sums of ``items [n_items, dim]``: ``[n_users, dim]``."""
        return self._adjacency.sum_sources(items)

    def adjoint(self, grad: Tensor) -> tuple[Tensor]:
        """Carry users ``[n_users, dim]`` to their items: ``[n_items, dim]``."""
        return (self._adjacency.sum_targets(grad),)


class NeighbourMean:
    """The operator ``A_mean = D^-1 A``: a node's mean over its neighbours, 0 without any (MMGCN).

    Args:
        graph: The user-item graph.
        nodes: Distinct nodes ``[n]`` whose rows are wanted, users before items; all where None.
    """

    def __init__(self, graph: UserItemGraph, nodes: Tensor | None = None) -> None:
        self._adjacency = graph.adjacency if nodes is None else graph.into(nodes)
        degrees = graph.degrees if nodes is None else graph.degrees[nodes]
        self._share = degrees.clamp(min=1).reciprocal()[:, None]

    def __call__(self, x: Tensor) -> Tensor:
        return self._adjacency.sum_sources(x).mul_(self._share)

    def adjoint(self, grad: Tensor) -> tuple[Tensor]:
        """The transpose applied to ``[n, dim]``."""
        return (self._adjacency.sum_targets(grad * self._share),)
