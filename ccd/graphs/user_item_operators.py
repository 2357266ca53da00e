"""Further operators over the user-item graph: averages, and items to users."""

from __future__ import annotations

import torch
from torch import Tensor

from ccd.graphs.propagation import LinearOperator
from ccd.graphs.user_item import UserItemGraph


class SelfLoopGraph:
    """The operator ``D^-1 (A + I)``: each node averages over its neighbours and itself.

    Args:
        graph: The user-item graph, whose adjacency it uses.
    """

    def __init__(self, graph: UserItemGraph) -> None:
        self._adjacency = graph.adjacency
        self._scale = (graph.degrees + 1.0).reciprocal()[:, None]

    def __call__(self, x: Tensor) -> Tensor:
        """One layer, both ``[n_users + n_items, dim]``."""
        return self._adjacency.sum_sources(x).add_(x).mul_(self._scale)

    def adjoint(self, grad: Tensor) -> tuple[Tensor]:
        """``(A + I) D^-1``: the adjacency, of both directions, is symmetric."""
        scaled = grad * self._scale
        return (self._adjacency.sum_sources(scaled).add_(scaled),)


class MeanOfPowers:
    """The operator ``mean over l = 0..n_layers of M^l``: a linear convolution's layers, averaged.

    Args:
        operator: ``M``, one layer.
        n_layers: Number of layers.
        nodes: Distinct nodes ``[n]`` whose rows are wanted; all where None.
    """

    def __init__(
        self, operator: LinearOperator, n_layers: int, nodes: Tensor | None = None
    ) -> None:
        self.operator, self.n_layers, self.nodes = operator, n_layers, nodes

    def __call__(self, x: Tensor) -> Tensor:
        """From ``x [n_nodes, dim]`` to ``[n, dim]``."""
        total = self._rows(x) / (self.n_layers + 1)
        for _ in range(self.n_layers):
            x = self.operator(x)
            total.add_(self._rows(x), alpha=1 / (self.n_layers + 1))
        self._n_nodes = len(x)
        return total

    def adjoint(self, grad: Tensor) -> tuple[Tensor]:
        """From ``[n, dim]`` to ``[n_nodes, dim]``."""
        grad = grad / (self.n_layers + 1)
        result = self._added_to(grad.new_zeros(self._n_nodes, grad.shape[1]), grad)
        for _ in range(self.n_layers):
            result = self._added_to(self.operator.adjoint(result)[0], grad)
        return (result,)

    def _rows(self, table: Tensor) -> Tensor:
        return table if self.nodes is None else table.index_select(0, self.nodes)

    def _added_to(self, table: Tensor, rows: Tensor) -> Tensor:
        return table.add_(rows) if self.nodes is None else table.index_add_(0, self.nodes, rows)


class ItemsToUsers:
    """The user-item block of ``A_hat``: users sum over their items.

    Args:
        graph: The user-item graph.
        users: Users ``[n]`` whose rows are wanted.
    """

    def __init__(self, graph: UserItemGraph, users: Tensor) -> None:
        self._edges = graph.into(users)
        self._n_users, self._scale = graph.n_users, graph.scale
        self._user_scale = graph.scale.index_select(0, users)

    def __call__(self, items: Tensor) -> Tensor:
        """From ``items [n_items, dim]`` to ``[n, dim]``."""
        nodes = items.new_zeros(len(self._scale), items.shape[1])
        torch.mul(items, self._scale[self._n_users :], out=nodes[self._n_users :])
        return self._edges.sum_sources(nodes).mul_(self._user_scale)

    def adjoint(self, grad: Tensor) -> tuple[Tensor]:
        """From users ``[n, dim]`` to their items ``[n_items, dim]``."""
        nodes = self._edges.sum_targets(grad * self._user_scale)
        return (nodes[self._n_users :] * self._scale[self._n_users :],)


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
        """Its transpose."""
        return (self._adjacency.sum_targets(grad * self._share),)
