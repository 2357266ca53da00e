"""Ranks of a few items among all: how many score higher, which is cheaper than to sort."""

from __future__ import annotations

import torch
from torch import Tensor

from ccd.evaluation.ties import tie_order


def item_ranks(scores: Tensor, rows: Tensor, items: Tensor, k: int) -> Tensor:
    """The rank of each item in its row, from 0, or one of at least ``k``; int64 ``[m]``.

    Equal scores stand in the order of one random permutation of the catalogue. An item with the
    score ``-inf`` has no rank below ``k``.

    Args:
        scores: ``[n, n_items]``.
        rows: The row of each item, ascending ``[m]``.
        items: Columns ``[m]``.
        k: Ranks from here on need not be known.
    """
    own = scores[rows, items]
    higher = _higher(scores, rows, own)
    near = ((higher < k) & (own > -torch.inf)).nonzero()[:, 0]
    result = torch.full_like(rows, k)
    result[near] = higher[near].long()
    order = tie_order(scores.shape[1]).to(scores.device)
    for part in near.split(max(1, len(scores))):
        equal = scores[rows[part]] == own[part, None]
        tied = (equal.sum(dim=1) > 1).nonzero()[:, 0]
        if len(tied):
            part = part[tied]
            earlier = order < order[items[part], None]
            result[part] += (equal[tied] & earlier).sum(dim=1)
    return result


def _higher(scores: Tensor, rows: Tensor, own: Tensor) -> Tensor:
    """How many scores of its row exceed each of ``own [m]``; ``[m]``."""
    counts = torch.bincount(rows, minlength=len(scores))
    turn = torch.arange(len(rows), device=rows.device) - (counts.cumsum(0) - counts)[rows]
    result = torch.empty_like(own)
    above = torch.empty_like(scores)  # float32 counts exactly, and adds up faster than bool
    for at in range(int(counts.max()) if len(rows) else 0):
        mine = (turn == at).nonzero()[:, 0]
        if 2 * len(mine) < len(scores):
            result[mine] = (scores[rows[mine]] > own[mine, None]).sum(dim=1).to(own.dtype)
            continue
        # Rows that have no item in this turn are counted too: that costs less than a copy.
        limits = scores.new_full((len(scores), 1), torch.inf)
        limits[rows[mine], 0] = own[mine]
        result[mine] = torch.gt(scores, limits, out=above).sum(dim=1)[rows[mine]]
    return result
