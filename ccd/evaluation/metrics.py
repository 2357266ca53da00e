"""Ranking metrics per user, from the hits of a ranked list.

Each takes ``hits [n_users, length]`` (1.0 where the item at that rank is relevant, best first), the
cut-off ``k`` and ``relevant [n_users]``, the number of relevant items, and returns ``[n_users]``.
Users count equally in the mean. The formulas are those of the MMRec toolbox; nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor

from ccd.registry import component
from ccd.settings import Slot

Metric = Annotated[Callable[[Tensor, int, Tensor], Tensor], Slot("metric")]


@component("metric")
def recall(hits: Tensor, k: int, relevant: Tensor) -> Tensor:
    """Share of the user's relevant items among the first k: hits / m.

    Args:
        hits: Relevance by rank ``[n_users, length]``.
        k: Cut-off.
        relevant: Relevant items m per user ``[n_users]``.
    """
    return hits[:, :k].sum(dim=1) / relevant


@component("metric")
def precision(hits: Tensor, k: int, relevant: Tensor) -> Tensor:
    """Share of relevant items among the first k: hits / k.

    Args:
        hits: Relevance by rank ``[n_users, length]``.
        k: Cut-off.
        relevant: Unused.
    """
    return hits[:, :k].sum(dim=1) / k


@component("metric")
def ndcg(hits: Tensor, k: int, relevant: Tensor) -> Tensor:
    """Discounted gain over the best possible: sum rel_j / log2(j+1), ideal over min(k, m) ranks.

    Args:
        hits: Relevance by rank ``[n_users, length]``.
        k: Cut-off.
        relevant: Relevant items m per user ``[n_users]``.
    """
    discount = 1 / torch.log2(torch.arange(2, k + 2, device=hits.device, dtype=hits.dtype))
    ideal = discount.cumsum(0)[relevant.clamp(max=k).long() - 1]
    return (hits[:, :k] * discount).sum(dim=1) / ideal


@component("metric")
def average_precision(hits: Tensor, k: int, relevant: Tensor) -> Tensor:
    """Mean precision at the hits (MAP): sum rel_j precision@j / min(k, m).

    Args:
        hits: Relevance by rank ``[n_users, length]``.
        k: Cut-off.
        relevant: Relevant items m per user ``[n_users]``.
    """
    ranks = torch.arange(1, k + 1, device=hits.device, dtype=hits.dtype)
    precision_at = hits[:, :k].cumsum(dim=1) / ranks
    return (hits[:, :k] * precision_at).sum(dim=1) / relevant.clamp(max=k)


@component("metric")
def hit_rate(hits: Tensor, k: int, relevant: Tensor) -> Tensor:
    """Whether any of the first k is relevant (HR).

    Args:
        hits: Relevance by rank ``[n_users, length]``.
        k: Cut-off.
        relevant: Unused.
    """
    return hits[:, :k].amax(dim=1)


@component("metric")
def reciprocal_rank(hits: Tensor, k: int, relevant: Tensor) -> Tensor:
    """One over the rank of the first hit within k, else 0 (MRR).

    Args:
        hits: Relevance by rank ``[n_users, length]``.
        k: Cut-off.
        relevant: Unused.
    """
    ranks = torch.arange(1, k + 1, device=hits.device, dtype=hits.dtype)
    return (hits[:, :k] / ranks).amax(dim=1)
