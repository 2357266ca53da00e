"""LightGCN's propagation over the user-item graph, for the rows that a step needs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ccd.graphs.engines import Adjacency
from ccd.graphs.user_item import UserItemGraph

FEW = 1 / 8
"""Share of the nodes up to which it pays to look up a hop's sources and leave out the others."""


@dataclass(frozen=True)
class Hop:
    """The edges of one layer.

    Attributes:
        edges: From its sources to the nodes of the layer.
        sources: Distinct nodes ``[m]`` that it sums over; None for all.
        wanted: Places of the wanted rows among its sources ``[n]``; None where all are wanted.
    """

    edges: Adjacency
    sources: Tensor | None
    wanted: Tensor | None

    def take(self, table: Tensor) -> Tensor:
        """The sources' rows ``[n, dim]`` of a table of all nodes."""
        return table if self.sources is None else table.index_select(0, self.sources)

    def pick(self, rows: Tensor) -> Tensor:
        """The wanted ones of the sources' ``rows [n, dim]``."""
        return rows if self.wanted is None else rows.index_select(0, self.wanted)

    def place(self, places: Tensor) -> Tensor:
        """Positions of the wanted rows ``[n]``, from the ``places`` of the sources."""
        return places if self.wanted is None else places[self.wanted]

    def add(self, rows: Tensor, wanted: Tensor) -> Tensor:
        """Add the ``wanted`` rows to the sources' ``rows [n, dim]``, in place."""
        return rows.add_(wanted) if self.wanted is None else rows.index_add_(0, self.wanted, wanted)


class MeanConvolution:
    """LightGCN's ``mean over l = 0..n_layers of A_hat^l``, from user and item tables to rows.

    Layer l is ``left t_l`` where ``t_1 = A (right x)`` and ``t_l = A (right left t_{l-1})``, so
    each layer in between is scaled once and not twice. A training step needs few rows of the
    result: the last layer and the mean are computed for those alone, and each layer before for the
    neighbours of the next one's nodes while these are few.

    Args:
        graph: The user-item graph.
        n_layers: Number of layers.
        rows: Distinct users and distinct items whose rows are wanted; all where None.
    """

    def __init__(
        self, graph: UserItemGraph, n_layers: int, rows: tuple[Tensor, Tensor] | None = None
    ) -> None:
        self._graph, self._rows = graph, rows
        nodes = None if rows is None else torch.cat([rows[0], rows[1] + graph.n_users])
        self._left = graph.left if nodes is None else graph.left[nodes]
        self._hops = _hops(graph, n_layers, nodes)
        # The rows of the tables that enter; all where None.
        self._entering = self._split(self._hops[0].sources) if self._hops else rows

    def __call__(self, users: Tensor, items: Tensor) -> Tensor:
        if not self._hops:
            return _gather(users, items, self._entering)
        layer, ego = self._enter(users, items)
        total = torch.zeros_like(ego)
        for hop, after in pairwise(self._hops):
            summed = hop.edges.sum_sources(layer)
            total += after.pick(summed)
            layer = summed.mul_(after.take(self._graph.between))
        total += self._hops[-1].edges.sum_sources(layer)
        return ego.addcmul_(total, self._left).div_(len(self._hops) + 1)

    def adjoint(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of the user and the item table, from that of the rows ``[n, dim]``."""
        if not self._hops:
            return self._scatter(grad)
        grad = grad / (len(self._hops) + 1)
        scaled = grad * self._left
        result = self._hops[-1].edges.sum_targets(scaled)
        for after, hop in pairwise(reversed(self._hops)):
            result = after.add(result.mul_(after.take(self._graph.between)), scaled)
            result = hop.edges.sum_targets(result)
        first = self._hops[0]
        result = first.add(result.mul_(first.take(self._graph.right)), grad)
        return self._scatter(result)

    def _enter(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """What the first hop sums over, and the wanted rows of layer 0."""
        graph, first = self._graph, self._hops[0]
        if self._entering is not None:
            rows = _gather(users, items, self._entering)
            return rows * first.take(graph.right), first.pick(rows)
        layer = torch.empty(len(graph.right), users.shape[1], device=users.device)
        torch.mul(users, graph.right[: graph.n_users], out=layer[: graph.n_users])
        torch.mul(items, graph.right[graph.n_users :], out=layer[graph.n_users :])
        return layer, _gather(users, items, self._rows)

    def _split(self, nodes: Tensor | None) -> tuple[Tensor, Tensor] | None:
        """Ascending nodes as users and items."""
        if nodes is None:
            return None
        n_users = int(torch.searchsorted(nodes, self._graph.n_users))
        return nodes[:n_users], nodes[n_users:] - self._graph.n_users

    def _scatter(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        """The adjoint of :func:`_gather`."""
        graph, rows = self._graph, self._entering
        if rows is None:
            return grad[: graph.n_users], grad[graph.n_users :]
        users = grad.new_zeros(graph.n_users, grad.shape[1])
        items = grad.new_zeros(graph.n_items, grad.shape[1])
        n_users = len(rows[0])
        return users.index_copy_(0, rows[0], grad[:n_users]), items.index_copy_(
            0, rows[1], grad[n_users:]
        )


def _hops(graph: UserItemGraph, n_layers: int, nodes: Tensor | None) -> list[Hop]:
    """The hops of ``n_layers`` layers, the first layer's first, that end in ``nodes``."""
    hops: list[Hop] = []
    targets = nodes
    for _ in range(n_layers):
        if targets is None:
            hop = Hop(graph.adjacency, None, nodes)
        elif len(targets) > FEW * len(graph.left):
            hop = Hop(graph.into(targets), None, nodes)
        else:
            sources, places, edges = graph.sources(targets)
            hop = Hop(edges, sources, hops[0].place(places) if hops else places)
        hops.insert(0, hop)
        targets = hop.sources
    return hops


def _gather(users: Tensor, items: Tensor, rows: tuple[Tensor, Tensor] | None) -> Tensor:
    """Rows of both tables, one after the other; all where None."""
    if rows is None:
        return torch.cat([users, items])
    return torch.cat([users.index_select(0, rows[0]), items.index_select(0, rows[1])])
