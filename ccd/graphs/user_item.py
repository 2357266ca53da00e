"""The user-item graph: symmetric normalisation, LightGCN propagation, degree-sensitive pruning."""

from __future__ import annotations

import torch
from torch import Tensor

from ccd.graphs.engines import Engine


class UserItemGraph:
    """Bipartite graph of the training interactions; nodes are users, then items.

    Its operator is ``A_hat = D^-1/2 A D^-1/2``. Nodes without edges propagate to zero.

    Args:
        users: int64 user ids ``[n_edges]``.
        items: int64 item ids ``[n_edges]``.
        n_users: Number of users.
        n_items: Number of items.
        engine: Message-passing engine.
    """

    def __init__(
        self, users: Tensor, items: Tensor, n_users: int, n_items: int, engine: Engine
    ) -> None:
        self.users, self.items = users, items
        self.n_users, self.n_items = n_users, n_items
        self.engine = engine
        n_nodes = n_users + n_items
        source, target = torch.cat([users, items + n_users]), torch.cat([items + n_users, users])
        self._adjacency = engine.adjacency(source, target, n_nodes)
        # A symmetric weight 1/sqrt(d_u d_i) is a row scaling before and after an unweighted sum.
        self.degrees = torch.bincount(source, minlength=n_nodes)
        self._scale = (self.degrees + 1e-7).rsqrt().where(self.degrees > 0, 0.0)[:, None]
        self._scale_squared = self._scale**2

    def light_gcn(self, x: Tensor, n_layers: int) -> Tensor:
        """Mean over ``l = 0..n_layers`` of ``A_hat^l x`` for a node table ``x [n_nodes, dim]``."""
        # With s the scaling, layer l is s t_l, where t_l = A (s^2 t_{l-1}) and t_1 = A (s x).
        if n_layers == 0:
            return x.clone()
        summed = total = self._adjacency.sum_sources(x * self._scale)
        for _ in range(n_layers - 1):
            summed = self._adjacency.sum_sources(summed * self._scale_squared)
            total = total + summed
        return torch.addcmul(x, total, self._scale).div_(n_layers + 1)

    def pruned(self, drop_ratio: float, rng: torch.Generator) -> UserItemGraph:
        """A sub-graph of ``floor(n_edges (1 - drop_ratio))`` edges, renormalised on itself.

        Edges are drawn without replacement with probability proportional to ``1/sqrt(d_u d_i)``
        (FREEDOM's degree-sensitive pruning), so popular nodes lose more of theirs.
        """
        keep = int(len(self.users) * (1 - drop_ratio))
        degrees = self.degrees.double()
        weight = (degrees[self.users] * degrees[self.items + self.n_users]).rsqrt()
        # The n smallest of Exp(1)/weight are such a draw (exponential races).
        race = torch.empty_like(weight).exponential_(generator=rng).div_(weight)
        kept = race.topk(keep, largest=False).indices.sort().values
        return UserItemGraph(
            self.users[kept], self.items[kept], self.n_users, self.n_items, self.engine
        )


class LightGCN:
    """The operator ``mean_l A_hat^l`` as a :class:`LinearOperator`; symmetric."""

    def __init__(self, graph: UserItemGraph, n_layers: int) -> None:
        self.graph, self.n_layers = graph, n_layers

    def __call__(self, x: Tensor) -> Tensor:
        return self.graph.light_gcn(x, self.n_layers)

    def adjoint(self, x: Tensor) -> Tensor:
        return self.graph.light_gcn(x, self.n_layers)
