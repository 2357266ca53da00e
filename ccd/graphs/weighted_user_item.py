"""A user-item graph whose edges have weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ccd.graphs.engines import Engine
from ccd.graphs.lists import AdjacencyLists
from ccd.graphs.weighted import Edges, WeightedSum

if TYPE_CHECKING:
    from scipy import sparse


class WeightedUserItemGraph:
    """The linear operator ``share D^-1/2 [0, R; R^T, 0] D^-1/2`` of weighted interactions ``R``.

    Nodes are users, then items; D are the sums of their rows, and nodes without any propagate to
    zero.

    Args:
        interactions: ``R``, positive weights ``[n_users, n_items]``.
        share: Factor of the whole operator.
        engine: Message-passing engine.
        device: Where the weights live.
    """

    def __init__(
        self,
        interactions: sparse.csr_matrix,
        share: float,
        engine: Engine,
        device: torch.device,
    ) -> None:
        found = interactions.tocoo()
        by_user, by_item = (
            np.asarray(interactions.sum(axis=axis), np.float64).ravel() for axis in (1, 0)
        )
        weights = share * found.data / np.sqrt(by_user[found.row] * by_item[found.col])
        self.n_users, self.n_items = interactions.shape
        self._engine = engine
        users, self._items = (
            torch.from_numpy(ids.astype(np.int64)).to(device) for ids in (found.row, found.col)
        )
        self._weights = torch.from_numpy(weights.astype(np.float32)).to(device)
        self._by_user = AdjacencyLists(users, torch.arange(len(users), device=device), self.n_users)
        items = self._items + self.n_users
        both = Edges(torch.cat([items, users]), torch.cat([users, items]), self._weights.repeat(2))
        n_nodes = self.n_users + self.n_items
        self._whole = WeightedSum(both, n_nodes, n_nodes, engine)

    def __call__(self, x: Tensor) -> Tensor:
        """One layer, from and to ``[n_users + n_items, dim]``."""
        return self._whole(x)

    def adjoint(self, grad: Tensor) -> tuple[Tensor]:
        """The transpose, which is the operator itself."""
        return (self._whole(grad),)

    def to_users(self, users: Tensor) -> WeightedSum:
        """The operator from all items to ``users [n]``."""
        rows, edges = self._by_user.of(users)
        into = Edges(self._items[edges], rows, self._weights[edges])
        return WeightedSum(into, self.n_items, len(users), self._engine)
