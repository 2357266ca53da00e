"""Lists whose items are less alike: maximal marginal relevance among a user's best items."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

CANDIDATES = 10
"""Items that are looked at for each one that is listed."""
_CELLS = 8_000_000
"""Numbers of the candidates' vectors that are held at once."""


class Diversity:
    """Chooses, one after the other, items that are good and unlike those chosen before.

    The next item has the largest ``(1 - weight) * relevance - weight * likeness``. Relevance is the
    score, from 1 for the user's best item to 0 for the last candidate; likeness is the largest
    cosine to an item chosen already.

    Args:
        vectors: What likeness is measured in ``[n_items, dim]``; an item whose vector is all zero
            is like no other.
        weight: 0 for the best items whatever they are like, towards 1 for ever less alike ones.
    """

    def __init__(self, vectors: Tensor, weight: float) -> None:
        self._directions = F.normalize(vectors.float(), dim=1)
        self._weight = weight

    def choose(self, items: Tensor, scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """The first ``k`` of each user's candidates, with their scores ``[n, k]``.

        Args:
            items: Candidates, best first ``[n, m]``; -1 where there are no others.
            scores: Their scores ``[n, m]``; ``-inf`` where there is no item.
            k: Length of the lists, at most m.
        """
        n_users = max(1, _CELLS // (items.shape[1] * self._directions.shape[1]))
        parts = zip(items.split(n_users), scores.split(n_users), strict=True)
        orders = torch.cat([self._order(*part, k) for part in parts])
        return items.gather(1, orders), scores.gather(1, orders)

    def _order(self, items: Tensor, scores: Tensor, k: int) -> Tensor:
        """Positions of the chosen among the candidates, in the order of choice ``[n, k]``."""
        left = _relevance(scores, items < 0)
        vectors = F.embedding(items.clamp(min=0), self._directions)  # [n, m, dim]
        likeness = torch.zeros_like(left)
        rows = torch.arange(len(items))
        order = torch.empty(len(items), k, dtype=torch.int64)
        for rank in range(k):
            chosen = ((1 - self._weight) * left - self._weight * likeness).argmax(dim=1)
            order[:, rank] = chosen
            left[rows, chosen] = -torch.inf
            cosines = (vectors @ vectors[rows, chosen][:, :, None])[:, :, 0]
            likeness = torch.maximum(likeness, cosines) if rank else cosines
        return order


def _relevance(scores: Tensor, absent: Tensor) -> Tensor:
    """Scores ``[n, m]`` from 0 to 1, where all are equal 1; places without an item come last."""
    best = scores.masked_fill(absent, -torch.inf).amax(dim=1, keepdim=True)
    worst = scores.masked_fill(absent, torch.inf).amin(dim=1, keepdim=True)
    scaled = torch.where(best > worst, (scores - worst) / (best - worst), 1.0)
    return scaled.masked_fill(absent, -1e30)
