"""The objective: two ranking terms and the denoising loss (Eq. 9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from torch import Tensor

from ccd.losses.bpr import bpr_loss
from ccd.losses.shared import SharedLoss, SharedRows
from ccd.ranks.share import EVERYTHING, Share
from ccd.registry import component
from ccd.settings import REQUIRED, Fraction, NonNegativeFloat, Slot


@component("losses")
class LossMix:
    """``(1 - hard_weight) BPR(random) + hard_weight BPR(hard) + diffusion_weight L_dm`` (Eq. 9).

    Where a sampler returns negatives that triplets share, ``shared`` takes the place of BPR(hard).

    Args:
        shared: The loss over negatives that triplets share.
        hard_weight: The paper's omega.
        diffusion_weight: The paper's lambda.
        reduction: ``mean`` over the batch's triplets, or their ``sum`` as Eq. 9 writes it; what a
            backbone adds is then scaled alike.

    A backbone that trains without negatives has no BPR terms: of these settings only
    ``diffusion_weight`` then matters.
    """

    def __init__(
        self,
        *,
        shared: SharedLoss = REQUIRED,
        hard_weight: Fraction = 0.3,
        diffusion_weight: NonNegativeFloat = 1.0,
        reduction: Literal["mean", "sum"] = "mean",
    ) -> None:
        self.shared = shared
        self.hard_weight, self.diffusion_weight = hard_weight, diffusion_weight
        self.reduction = reduction

    def __call__(
        self,
        ranked: tuple[Tensor, Tensor, Tensor] | None,
        hard_negatives: Tensor | SharedRows | None,
        denoising: Tensor | None,
        own: Tensor | None,
        share: Share = EVERYTHING,
    ) -> dict[str, Tensor]:
        """The weighted terms by name; their sum is the objective.

        Args:
            ranked: Final representations of users, items they interacted with and uniform random
                items, each ``[batch, dim]``; None for a backbone that trains without negatives.
            hard_negatives: Those of the sampler's items, ``[batch, dim]`` or shared by the batch;
                None where there is no sampler.
            denoising: ``L_dm``, a scalar; None without DMA.
            own: What the backbone adds, a mean over the batch; None where it adds nothing.
            share: What these triplets are of the batch. The terms are then a part of its terms, and
                so is ``denoising``, which has a share of its own.
        """
        terms = {}
        scale = share.weight
        if ranked is not None:
            users, positives, negatives = ranked
            if self.reduction == "sum":
                scale = len(users) / share.copies
            omega = 0.0 if hard_negatives is None else self.hard_weight
            if omega < 1:
                terms["random"] = scale * (1 - omega) * bpr_loss(users, positives, negatives)
            if hard_negatives is not None and omega > 0:
                if isinstance(hard_negatives, SharedRows):
                    hard = self.shared(users, positives, *hard_negatives)
                else:
                    hard = bpr_loss(users, positives, hard_negatives)
                terms["hard"] = scale * omega * hard
        if denoising is not None and self.diffusion_weight > 0:
            terms["diffusion"] = self.diffusion_weight * denoising
        if own is not None:
            terms["backbone"] = scale * own
        return terms


LossesFactory = Annotated[Callable[[], LossMix], Slot("losses")]
