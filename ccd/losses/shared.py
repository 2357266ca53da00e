"""Losses that rank a positive above many negatives at once, which the batch's triplets share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ccd.registry import component
from ccd.settings import PositiveFloat, Slot


class SharedRows(NamedTuple):
    """Negatives that triplets share.

    Attributes:
        rows: Their representations ``[n_shared, dim]``.
        log_weights: How often each counts for each triplet, as a logarithm ``[batch, n_shared]``;
            minus infinity where it is none of its negatives.
    """

    rows: Tensor
    log_weights: Tensor


@component("shared_loss")
def sampled_softmax(
    users: Tensor,
    positives: Tensor,
    negatives: Tensor,
    log_weights: Tensor,
    *,
    temperature: PositiveFloat = 1.0,
    similarity: Literal["dot", "cosine"] = "dot",
) -> Tensor:
    """Cross-entropy of the positive among itself and the shared negatives (Wu et al. 2024, SSM).

    A triplet without any negative adds nothing. BPR is the softmax over a single negative.

    Args:
        users: The batch's users ``[batch, dim]``.
        positives: The items that they interacted with ``[batch, dim]``.
        negatives: Shared negatives ``[n_shared, dim]``.
        log_weights: How often each negative counts, as a logarithm ``[batch, n_shared]``.
        temperature: Divides the scores; less looks at the hardest negatives alone.
        similarity: Scores are ``dot`` products, as the ranking's, or ``cosine``.
    """
    if similarity == "cosine":
        users, positives, negatives = (F.normalize(x, dim=1) for x in (users, positives, negatives))
    users = users / temperature
    positive = (users * positives).sum(dim=1, keepdim=True)
    negative = users @ negatives.T + log_weights
    return (torch.cat([positive, negative], dim=1).logsumexp(dim=1) - positive[:, 0]).mean()


@component("shared_loss")
def psl(
    users: Tensor,
    positives: Tensor,
    negatives: Tensor,
    log_weights: Tensor,
    *,
    temperature: PositiveFloat = 0.1,
    activation: Literal["tanh", "atan", "relu"] = "tanh",
) -> Tensor:
    """Pairwise softmax loss, which a false negative dominates less (Yang et al. 2024, PSL).

    ``mean log sum_j sigma(d_j)^(1/temperature)``, in which ``d_j`` is half the difference between
    the cosines of the negative and of the positive, in [-1, 1]. With ``exp`` as sigma it would be
    the softmax loss; ``1 + tanh(d)``, ``1 + atan(d)`` and ``max(0, 1 + d)`` grow less steeply and
    bound the ranking metric more tightly. A triplet without any negative adds nothing.

    Args:
        users: The batch's users ``[batch, dim]``.
        positives: The items that they interacted with ``[batch, dim]``.
        negatives: Shared negatives ``[n_shared, dim]``.
        log_weights: How often each negative counts, as a logarithm ``[batch, n_shared]``.
        temperature: Less looks at the hardest negatives alone; the paper's tau. The source's own
            values differ by data set.
        activation: Which sigma.
    """
    users, positives, negatives = (F.normalize(x, dim=1) for x in (users, positives, negatives))
    users = users / 2
    difference = users @ negatives.T - (users * positives).sum(dim=1, keepdim=True)
    if activation == "relu":
        # Its logarithm would have no gradient at 0, where opposite items are.
        sigma = (1 + difference).clamp(min=1e-6)
    else:
        sigma = 1 + (difference.tanh() if activation == "tanh" else difference.atan())
    some = (log_weights > -torch.inf).any(dim=1)
    terms = (sigma.log() / temperature + log_weights)[some]
    return terms.logsumexp(dim=1).sum() / len(users)


SharedLoss = Annotated[Callable[[Tensor, Tensor, Tensor, Tensor], Tensor], Slot("shared_loss")]
