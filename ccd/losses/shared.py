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


SharedLoss = Annotated[Callable[[Tensor, Tensor, Tensor, Tensor], Tensor], Slot("shared_loss")]
