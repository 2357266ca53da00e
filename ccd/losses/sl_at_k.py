"""The softmax loss of the first K places."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ccd.registry import component
from ccd.settings import PositiveFloat, PositiveInt


@component("shared_loss")
def sl_at_k(
    users: Tensor,
    positives: Tensor,
    negatives: Tensor,
    log_weights: Tensor,
    *,
    k: PositiveInt = 20,
    temperature: PositiveFloat = 0.1,
    weight_temperature: PositiveFloat = 1.0,
) -> Tensor:
    """Softmax loss in which a positive counts by how far it is among the first K (SL@K).

    Yang et al. 2025: ``mean sigmoid((s - beta) / weight_temperature) log sum_j exp((s_j - s) /
    temperature)``, in which s is the positive's cosine, s_j that of a negative, and beta the user's
    threshold: the k-th largest score. It is taken of the triplet's own scores in each step, and no
    gradient passes through it; the source takes it every few epochs, of all positives too. A
    triplet without any negative adds nothing.

    Args:
        users: The batch's users ``[batch, dim]``.
        positives: The items that they interacted with ``[batch, dim]``.
        negatives: Shared negatives ``[n_shared, dim]``.
        log_weights: How often each negative counts, as a logarithm ``[batch, n_shared]``.
        k: The threshold's rank among a triplet's scores. They are a sample of the catalogue's, so
            that the threshold is lower than that of the catalogue's first k.
        temperature: Less looks at the hardest negatives alone.
        weight_temperature: More weighs the positives more evenly.
    """
    users, positives, negatives = (F.normalize(x, dim=1) for x in (users, positives, negatives))
    some = (log_weights > -torch.inf).any(dim=1)
    positive = (users * positives).sum(dim=1, keepdim=True)[some]
    negative, log_weights = (users @ negatives.T)[some], log_weights[some]
    scores = negative.detach().masked_fill(log_weights == -torch.inf, -1.0)
    scores = torch.cat([positive.detach(), scores], dim=1)
    threshold = scores.topk(min(k, scores.shape[1]), dim=1).values[:, -1]
    weight = ((positive[:, 0] - threshold) / weight_temperature).sigmoid()
    terms = ((negative - positive) / temperature + log_weights).logsumexp(dim=1)
    return (weight * terms).sum() / len(users)
