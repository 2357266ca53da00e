"""Ranks of equal scores: drawn once and for all, so that no item gains by its number."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

_SEED = 20250807
_FEWEST = 3
"""So many equal scores are a tie. Two are met by chance: float32 has few numbers between 0.1 and
0.2, and what decides between them in a list is rounding, not the model. A measured rank, which is
counted and not sorted, has no need of this."""


def first_ranked(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The ``k`` largest of ``scores [n, n_items]`` per row and their items, each ``[n, k]``.

    Where three or more are equal, and two of them would be in the list, they stand in the order of
    one random permutation of the catalogue, the same for all rows, models and runs. Masked items,
    whose score is ``-inf``, stay in any order.
    """
    values, items = scores.topk(k, dim=1)
    tied = _tied(scores, values).nonzero()[:, 0]
    if len(tied):
        order = tie_order(scores.shape[1]).argsort().to(scores.device)
        ranked = scores[tied][:, order].sort(dim=1, descending=True, stable=True)
        values[tied], items[tied] = ranked.values[:, :k], order[ranked.indices[:, :k]]
    return values, items


def _tied(scores: Tensor, values: Tensor) -> Tensor:
    """Whether a tie reaches into each row's list ``values [n, k]``; bool ``[n]``."""
    apart = _FEWEST - 1
    equal = (values[:, apart:] == values[:, :-apart]) & (values[:, apart:] > -torch.inf)
    tied = equal.any(dim=1)
    # It may go on behind the list; all scores are looked at only where the last two are equal.
    last = values[:, -1]
    doubtful = (
        ~tied & (values[:, -min(2, values.shape[1])] == last) & (last > -torch.inf)
    ).nonzero()[:, 0]
    tied[doubtful] = (scores[doubtful] == last[doubtful, None]).sum(dim=1) >= _FEWEST
    return tied


@lru_cache(maxsize=4)
def tie_order(n_items: int) -> Tensor:
    """Place of each item in one random permutation of the catalogue; ``[n_items]``."""
    return torch.randperm(n_items, generator=torch.Generator().manual_seed(_SEED)).argsort()
