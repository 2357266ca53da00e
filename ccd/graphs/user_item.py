"""The user-item graph and its normalisations."""

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
        item_edges: Further edges, from items to items: sources and targets, int64 ``[n]`` each.
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
        item_edges: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        self.users, self.items = users, items
        self.n_users, self.n_items = n_users, n_items
        self.engine = engine
        n_nodes = n_users + n_items
        loops = torch.arange(n_nodes if averaging else 0, device=users.device)
        further = (items[:0], items[:0]) if item_edges is None else item_edges
        source = torch.cat([users, items + n_users, further[0] + n_users, loops])
        target = torch.cat([items + n_users, users, further[1] + n_users, loops])
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
        """The transpose applied to ``[n, dim]``."""
        return (self.adjacency.sum_targets(grad * self.left).mul_(self.right),)

    def into(self, nodes: Tensor) -> Adjacency:
        """The edges that end in ``nodes [n]``, as a matrix ``[n, n_nodes]``."""
        target, source = self._neighbours.of(nodes)
        return self.engine.adjacency(source, target, self.n_users + self.n_items, len(nodes))

    def sources(self, nodes: Tensor) -> tuple[Tensor, Tensor, Adjacency]:
        """Distinct ``nodes [n]`` and their neighbours, in ascending order ``[m]``.

        Also the places of ``nodes`` among them ``[n]``, and the edges that end in ``nodes`` as a
        matrix ``[n, m]``.
        """
        target, source = self._neighbours.of(nodes)
        wanted = torch.zeros(self.n_users + self.n_items, dtype=torch.bool, device=nodes.device)
        wanted[source] = True
        wanted[nodes] = True
        found = wanted.nonzero()[:, 0]
        # Only the places of what was found are ever read.
        place = torch.empty(len(wanted), dtype=torch.int64, device=nodes.device)
        place[found] = torch.arange(len(found), device=nodes.device)
        edges = self.engine.adjacency(place[source], target, len(found), len(nodes))
        return found, place[nodes], edges

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
