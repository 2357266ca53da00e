"""Bayesian personalised ranking."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def bpr_loss(users: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
    """``-mean log sigmoid(s_positive - s_negative)`` over rows ``[batch, dim]``."""
    return -F.logsigmoid((users * (positives - negatives)).sum(dim=1)).mean()
