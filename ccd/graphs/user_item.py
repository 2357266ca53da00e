"""The user-item graph, its normalisations, and LightGCN's propagation over it."""

from __future__ import annotations

import torch
from torch import Tensor

from ccd.graphs.engines import Adjacency, Engine
from ccd.graphs.lists import AdjacencyLists


class UserItemGraph:
    """Bipartite graph of the training interactions; nodes are users, then items.

    Its operator is ``A_hat = D^-1/2 A D^-1/2``, in which nodes without edges propagate to zero; or
    with ``averaging`` it is ``D^-1 (A + I)``: each node averages over its neighbours and itself.
    Either is an unweighted sum, scaled by row before (``right``) and after (``left``).

    Args:
        users: int64 user ids ``[n_edges]``.
        items: int64 item ids ``[n_edges]``.
        n_users: Number of users.
        n_items: Number of items.
        engine: Message-passing engine.
        shares: What each edge adds to the degrees of its ends ``[n_edges]``; 1 where None.
        averaging: Which of the two operators.
    """

    def __init__(
        self,
        users: Tensor,
        items: Tensor,
        n_users: int,
        n_items: int,
        engine: Engine,
        shares: Tensor | None = None,
        averaging: bool = False,
    ) -> None:
        self.users, self.items = users, items
        self.n_users, self.n_items = n_users, n_items
        self.engine = engine
        n_nodes = n_users + n_items
        loops = torch.arange(n_nodes if averaging else 0, device=users.device)
        source = torch.cat([users, items + n_users, loops])
        target = torch.cat([items + n_users, users, loops])
        self.adjacency = engine.adjacency(source, target, n_nodes, n_nodes)
        self._neighbours = AdjacencyLists(target, source, n_nodes)
        counts = self._neighbours.counts
        self.degrees = counts if shares is None else self.weighted_degrees(shares)
        if averaging:
            self.left = self.degrees.float().reciprocal()[:, None]
            self.right = torch.ones_like(self.left)
        else:
            self.left = (self.degrees + 1e-7).rsqrt().where(self.degrees > 0, 0.0)[:, None]
            self.right = self.left
        self.between = self.right * self.left

    def __call__(self, x: Tensor) -> Tensor:
        """One layer, from and to ``[n_users + n_items, dim]``."""
        return self.adjacency.sum_sources(x * self.right).mul_(self.left)

    def adjoint(self, grad: Tensor) -> tuple[Tensor]:
        """Its transpose."""
        return (self.adjacency.sum_targets(grad * self.left).mul_(self.right),)

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


class MeanConvolution:
    """LightGCN's ``mean over l = 0..n_layers of A_hat^l``, from user and item tables to rows.

    Layer l is ``left t_l`` where ``t_1 = A (right x)`` and ``t_l = A (right left t_{l-1})``, so
    each layer in between is scaled once and not twice. A training step needs few rows of the
    result, so the last layer and the mean are computed for those alone; this halves the memory
    traffic that bounds a step.

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
        self._left = graph.left if self._nodes is None else graph.left[self._nodes]

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
        torch.mul(users, graph.right[:n_users], out=layer[:n_users])
        torch.mul(items, graph.right[n_users:], out=layer[n_users:])
        total = torch.zeros_like(ego)
        for _ in range(self.n_layers - 1):
            summed = graph.adjacency.sum_sources(layer)
            total += self._rows(summed)
            layer = summed.mul_(graph.between)
        total += self._last.sum_sources(layer)
        return ego.addcmul_(total, self._left).div_(self.n_layers + 1)

    def adjoint(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of the user and the item table, from that of the rows."""
        graph = self.graph
        grad = grad / (self.n_layers + 1)
        scaled = grad * self._left
        if not self.n_layers:
            result = grad.new_zeros(len(graph.left), grad.shape[1])
        else:
            result = self._last.sum_targets(scaled)
            for _ in range(self.n_layers - 1):
                result = self._add_rows(result.mul_(graph.between), scaled)
                result = graph.adjacency.sum_targets(result)
            result.mul_(graph.right)
        self._add_rows(result, grad)
        return result[: graph.n_users], result[graph.n_users :]

    def _rows(self, table: Tensor) -> Tensor:
        return table if self._nodes is None else table.index_select(0, self._nodes)

    def _add_rows(self, table: Tensor, rows: Tensor) -> Tensor:
        return table.add_(rows) if self._nodes is None else table.index_add_(0, self._nodes, rows)
