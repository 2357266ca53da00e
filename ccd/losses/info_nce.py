"""InfoNCE: the in-batch contrast of two views."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def info_nce(
    anchors: Tensor,
    targets: Tensor,
    temperature: float,
    pairs: tuple[Tensor, Tensor],
    *,
    normalise: bool = True,
) -> Tensor:
    """Cross-entropy of each anchor's own target among the batch's targets (van den Oord 2018).

    One direction, from anchors to targets; a target that occurs twice is not masked. Rows that
    occur more than once are compared once and counted as often: half the cost on a usual batch.

    Args:
        anchors: One view ``[n, dim]``.
        targets: The other view ``[m, dim]``.
        temperature: Divides the similarities.
        pairs: The batch: rows of ``anchors`` and, for each, the row of ``targets`` that is its
            own, both int64 ``[batch]``.
        normalise: Compare by cosine; False compares by dot product.
    """
    anchor_rows, anchor = torch.unique(pairs[0], return_inverse=True)
    target_rows, target, counts = torch.unique(pairs[1], return_inverse=True, return_counts=True)
    anchors, targets = F.embedding(anchor_rows, anchors), F.embedding(target_rows, targets)
    if normalise:
        anchors, targets = F.normalize(anchors, dim=1), F.normalize(targets, dim=1)
    # The temperature goes to the smaller table: dividing the similarities costs a tenth of a step.
    anchors = anchors / temperature
    partition = _LogPartition.apply(anchors, targets, counts)
    own = (F.embedding(anchor, anchors) * F.embedding(target, targets)).sum(dim=1)
    return (partition.index_select(0, anchor) - own).mean()


def info_nce_among_all(
    anchors: Tensor, targets: Tensor, temperature: float, rows: Tensor
) -> Tensor:
    """Cross-entropy of anchors' own targets among all targets, by dot product.

    Args:
        anchors: One view ``[n, dim]``.
        targets: The other view ``[n, dim]``.
        temperature: Divides the similarities.
        rows: The batch: which rows are compared, repeats counted; int64 ``[batch]``.
    """
    distinct, index = torch.unique(rows, return_inverse=True)
    anchors = F.embedding(distinct, anchors) / temperature
    once = torch.ones(len(targets), device=targets.device)
    partition = _LogPartition.apply(anchors, targets, once)
    own = (anchors * F.embedding(distinct, targets)).sum(dim=1)
    return (partition - own).index_select(0, index).mean()


class _LogPartition(torch.autograd.Function):
    """``log sum_j counts[j] exp(anchors[i] . targets[j])``, ``[n]``.

    The similarities are the one ``[n, m]`` table of both passes; autograd would write five.
    """

    @staticmethod
    def forward(ctx: Any, anchors: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        similar = torch.addmm(counts.to(anchors.dtype).log(), anchors, targets.T)
        top = similar.amax(dim=1, keepdim=True)
        weights = similar.sub_(top).exp_()
        total = weights.sum(dim=1, keepdim=True)
        ctx.save_for_backward(anchors, targets, weights, total)
        return (top + total.log())[:, 0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        anchors, targets, weights, total = ctx.saved_tensors
        scale = grad[:, None] / total
        return scale * (weights @ targets), weights.T @ (scale * anchors), None
