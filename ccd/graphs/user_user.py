"""The user-user graph: who interacted with the same items, as in DualGNN and DRAGON."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ccd.errors import ConfigError
from ccd.graphs.cache import cached_arrays
from ccd.graphs.co_occurrence import heaviest
from ccd.graphs.engines import Engine

_BLOCK_CELLS = 8_000_000
"""Co-interaction counts held at once at most: 64 MB of them and their ids."""


class CoInteractions:
    """Each user's heaviest neighbours, by the number of training items that both interacted with.

    Args:
        users: Training interactions' users ``[n_edges]``.
        items: Training interactions' items ``[n_edges]``.
        n_users: Number of users.
        n_items: Number of items.
        engine: Message-passing engine.
        kept: Neighbours kept per user.

    Attributes:
        neighbours: Heaviest first, int64 ``[n_users, kept]``; padded with 0.
        counts: Items in common, int64 ``[n_users, kept]``; 0 for padding.
    """

    def __init__(
        self,
        users: Tensor,
        items: Tensor,
        n_users: int,
        n_items: int,
        engine: Engine,
        kept: int = 200,
    ) -> None:
        pairs = users.cpu().numpy(), items.cpu().numpy()
        found = cached_arrays(
            "users",
            (*pairs, n_users, n_items, kept),
            lambda: co_interactions(*pairs, n_users, n_items, kept),
        )
        self.neighbours, self.counts = (
            torch.from_numpy(found[name].astype(np.int64)).to(users.device)
            for name in ("neighbours", "counts")
        )
        self.engine = engine

    def heaviest(self, k: int) -> UserUserGraph:
        """The graph of the ``k`` heaviest neighbours, or of as many as a user has."""
        return UserUserGraph(self.neighbours[:, :k], self.counts[:, :k], self.engine)

    def draw(self, k: int, rng: torch.Generator) -> UserUserGraph:
        """An epoch's graph of the ``k`` heaviest neighbours.

        A user with fewer has as many of them drawn again, with replacement; one with none has user
        0 with weight 0.
        """
        neighbours, counts = self.neighbours[:, :k].clone(), self.counts[:, :k].clone()
        known = (counts > 0).sum(dim=1)
        short = (known < k).nonzero()[:, 0]
        again = torch.rand(len(short), k, generator=rng, device=short.device)
        place = torch.arange(k, device=short.device).expand_as(again)
        few = known[short, None]
        place = place.where(place < few, (again * few).long())
        for table in (neighbours, counts):
            table[short] = table[short].gather(1, place)
        return UserUserGraph(neighbours, counts, self.engine)


class UserUserGraph:
    """Users' mean over their neighbours, weighted by the softmax of the counts in common.

    Neighbours with the same count in a row of the list have the same weight. So each such run of
    neighbours is summed without weights, and then the runs of a user are, scaled by row.

    Args:
        neighbours: int64 ids ``[n_users, k]``.
        counts: Items in common, int64 ``[n_users, k]``; 0 for no neighbour.
        engine: Message-passing engine.
    """

    def __init__(self, neighbours: Tensor, counts: Tensor, engine: Engine) -> None:
        self.neighbours, self.counts, self.engine = neighbours, counts, engine

    def into(self, users: Tensor | None = None) -> WeightedRuns:
        """The rows of ``users [n]`` as an operator from all users; all rows where None."""
        neighbours, counts = self.neighbours, self.counts
        if users is not None:
            neighbours, counts = neighbours[users], counts[users]
        known = counts > 0
        weights = torch.softmax(counts.float().where(known, -torch.inf), dim=1).where(known, 0.0)
        first = torch.ones_like(counts, dtype=torch.bool)
        first[:, 1:] = counts[:, 1:] != counts[:, :-1]
        return WeightedRuns(
            neighbours.reshape(-1),
            first.reshape(-1).cumsum(0) - 1,
            first.nonzero()[:, 0],
            weights[first],
            (len(counts), len(self.counts)),
            self.engine,
        )


class WeightedRuns:
    """The operator ``B diag(w) A``: ``A`` sums each run's members, ``B`` sums each row's runs.

    Args:
        members: int64 ids of source rows ``[n_members]``.
        runs: The run that each is in ``[n_members]``.
        owners: Each run's row of the result ``[n_runs]``.
        weights: Each run's weight ``[n_runs]``.
        shape: Rows of the result and of the source.
        engine: Message-passing engine.
    """

    def __init__(
        self,
        members: Tensor,
        runs: Tensor,
        owners: Tensor,
        weights: Tensor,
        shape: tuple[int, int],
        engine: Engine,
    ) -> None:
        every = torch.arange(len(owners), device=owners.device)
        self._members = engine.adjacency(members, runs, shape[1], len(owners))
        self._runs = engine.adjacency(every, owners, len(owners), shape[0])
        self._weights = weights[:, None]

    def __call__(self, x: Tensor) -> Tensor:
        return self._runs.sum_sources(self._members.sum_sources(x).mul_(self._weights))

    def adjoint(self, grad: Tensor) -> tuple[Tensor]:
        """The transpose applied to ``[n, dim]``."""
        return (self._members.sum_targets(self._runs.sum_targets(grad).mul_(self._weights)),)


def check_neighbours(name: str, neighbours: int, kept: int) -> None:
    """Refuse an epoch's graph of more neighbours than are kept.

    Raises:
        ConfigError: It wants more.
    """
    if neighbours > kept:
        raise ConfigError(
            f"{name}.n_neighbours = {neighbours} exceeds {name}.n_kept_neighbours = {kept}",
            keys=(f"{name}.n_neighbours", f"{name}.n_kept_neighbours"),
            hint="lower the one or raise the other",
        )


def co_interactions(
    users: np.ndarray, items: np.ndarray, n_users: int, n_items: int, kept: int
) -> dict[str, np.ndarray]:
    """The ``kept`` users with most items in common per user, ties by id, by blocks of users.

    Args:
        users: Interactions' users ``[n_edges]``.
        items: Interactions' items ``[n_edges]``.
        n_users: Number of users.
        n_items: Number of items.
        kept: Neighbours kept per user.

    Returns:
        ``neighbours`` and ``counts``, int32 ``[n_users, kept]``, padded with 0.
    """
    from scipy import sparse

    ones = np.ones(len(users), dtype=np.int32)
    by_user = sparse.csr_matrix((ones, (users, items)), shape=(n_users, n_items))
    by_item = by_user.T.tocsr()
    result = {name: np.zeros((n_users, kept), dtype=np.int32) for name in ("neighbours", "counts")}
    block = max(1, _BLOCK_CELLS // n_users)
    for start in range(0, n_users, block):
        common = (by_user[start : start + block] @ by_item).tocoo()
        other = common.col != common.row + start
        top = heaviest(common.row[other], common.col[other], common.data[other], kept)
        place = top.rows + start, top.places
        result["neighbours"][place], result["counts"][place] = top.columns, top.weights
    return result
