"""The user-item graph: symmetric normalisation and LightGCN propagation."""

from __future__ import annotations

import torch
from torch import Tensor

from ccd.graphs.engines import Adjacency, Engine
from ccd.graphs.lists import AdjacencyLists


class UserItemGraph:
    """Bipartite graph of the training interactions; nodes are users, then items.

    Its operator is ``A_hat = D^-1/2 A D^-1/2``. Nodes without edges propagate to zero.

    Args:
        users: int64 user ids ``[n_edges]``.
        items: int64 item ids ``[n_edges]``.
        n_users: Number of users.
        n_items: Number of items.
        engine: Message-passing engine.
        shares: What each edge adds to the degrees of its ends ``[n_edges]``; 1 where None.
    """

    def __init__(
        self,
        users: Tensor,
        items: Tensor,
        n_users: int,
        n_items: int,
        engine: Engine,
        shares: Tensor | None = None,
    ) -> None:
        self.users, self.items = users, items
        self.n_users, self.n_items = n_users, n_items
        self.engine = engine
        n_nodes = n_users + n_items
        source, target = torch.cat([users, items + n_users]), torch.cat([items + n_users, users])
        self.adjacency = engine.adjacency(source, target, n_nodes, n_nodes)
        self._neighbours = AdjacencyLists(target, source, n_nodes)
        # A symmetric weight 1/sqrt(d_u d_i) is a row scaling before and after an unweighted sum.
        counts = self._neighbours.counts
        self.degrees = counts if shares is None else self.weighted_degrees(shares)
        self.scale = (self.degrees + 1e-7).rsqrt().where(self.degrees > 0, 0.0)[:, None]
        self.scale_squared = self.scale**2

    def __call__(self, x: Tensor) -> Tensor:
        """One layer ``A_hat x``, both ``[n_users + n_items, dim]``."""
        return self.adjacency.sum_sources(x * self.scale).mul_(self.scale)

    def adjoint(self, grad: Tensor) -> tuple[Tensor]:
        """Its transpose, which is itself."""
        return (self(grad),)

    def into(self, nodes: Tensor) -> Adjacency:
        """The edges that end in ``nodes [n]``, as a matrix ``[n, n_nodes]``."""
        target, source = self._neighbours.of(nodes)
        return self.engine.adjacency(source, target, self.n_users + self.n_items, len(nodes))

    def weighted_degrees(self, shares: Tensor) -> Tensor:
        """Degrees ``[n_users + n_items]`` where edges count as much as ``shares [n_edges]``."""
        users = torch.bincount(self.users, shares, self.n_users)
        return torch.cat([users, torch.bincount(self.items, shares, self.n_items)])

    def subgraph(self, kept: Tensor, shares: Tensor | None = None) -> UserItemGraph:
        """The edges with ids ``kept [n]`` alone, normalised by their own degrees.

        Args:
            kept: Ids of edges.
            shares: What each of them adds to the degrees of its ends ``[n]``; 1 where None.
        """
        users, items = self.users[kept], self.items[kept]
        return UserItemGraph(users, items, self.n_users, self.n_items, self.engine, shares)


class LightGCN:
    """The operator ``mean over l = 0..n_layers of A_hat^l``, from user and item tables to rows.

    With s the scaling ``D^-1/2``, layer l is ``s t_l`` where ``t_1 = A (s x)`` and
    ``t_l = A (s^2 t_{l-1})``. A training step needs few rows of the result, so the last layer and
    the mean are computed for those alone; this halves the memory traffic that bounds a step.

    Args:
        graph: The user-item graph.
        n_layers: Number of layers.
        rows: Distinct users and distinct items whose rows are wanted; all where None.
    """

    def __init__(
        self, graph: UserItemGraph, n_layers: int, rows: tuple[Tensor, Tensor] | None = None
    ) -> None:
        self.graph, self.n_layers, self.rows = graph, n_layers, rows
        self._nodes = None if rows is None else torch.cat([rows[0], rows[1] + graph.n_users])
        self._last = graph.adjacency if self._nodes is None else graph.into(self._nodes)
        self._scale = graph.scale if self._nodes is None else graph.scale[self._nodes]

    def __call__(self, users: Tensor, items: Tensor) -> Tensor:
        graph, n_users = self.graph, self.graph.n_users
        if self.rows is None:
            ego = torch.cat([users, items])
        else:
            ego = torch.cat(
                [t.index_select(0, r) for t, r in zip((users, items), self.rows, strict=True)]
            )
        if not self.n_layers:
            return ego
        layer = torch.empty(n_users + graph.n_items, users.shape[1], device=users.device)
        torch.mul(users, graph.scale[:n_users], out=layer[:n_users])
        torch.mul(items, graph.scale[n_users:], out=layer[n_users:])
        total = torch.zeros_like(ego)
        for _ in range(self.n_layers - 1):
            summed = graph.adjacency.sum_sources(layer)
            total += self._rows(summed)
            layer = summed.mul_(graph.scale_squared)
        total += self._last.sum_sources(layer)
        return ego.addcmul_(total, self._scale).div_(self.n_layers + 1)

    def adjoint(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of the user and the item table, from that of the rows."""
        graph = self.graph
        grad = grad / (self.n_layers + 1)
        scaled = grad * self._scale
        if not self.n_layers:
            result = grad.new_zeros(len(graph.scale), grad.shape[1])
        else:
            result = self._last.sum_targets(scaled)
            for _ in range(self.n_layers - 1):
                result = self._add_rows(result.mul_(graph.scale_squared), scaled)
                result = graph.adjacency.sum_targets(result)
            result.mul_(graph.scale)
        self._add_rows(result, grad)
        return result[: graph.n_users], result[graph.n_users :]

    def _rows(self, table: Tensor) -> Tensor:
        return table if self._nodes is None else table.index_select(0, self._nodes)

    def _add_rows(self, table: Tensor, rows: Tensor) -> Tensor:
        return table.add_(rows) if self._nodes is None else table.index_add_(0, self._nodes, rows)
