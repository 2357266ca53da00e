"""The objective: two ranking terms and the denoising loss (Eq. 9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import torch
from torch import Tensor

from ccd.errors import ConfigError
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
        self.reduction, self._known_to_split = reduction, False

    def sees_random(self, *, with_hard: bool) -> bool:
        """Whether random negatives are in the objective.

        Args:
            with_hard: Whether a sampler brings hard negatives beside them.
        """
        return not with_hard or self.hard_weight < 1

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
            if self.sees_random(with_hard=hard_negatives is not None):
                terms["random"] = scale * (1 - omega) * bpr_loss(users, positives, negatives)
            if hard_negatives is not None and omega > 0:
                if isinstance(hard_negatives, SharedRows):
                    if share.rows is not None and not self._known_to_split:
                        self._refuse_unsplit(users, positives, hard_negatives)
                    hard = self.shared(users, positives, *hard_negatives)
                else:
                    hard = bpr_loss(users, positives, hard_negatives)
                terms["hard"] = scale * omega * hard
        if denoising is not None and self.diffusion_weight > 0:
            terms["diffusion"] = self.diffusion_weight * denoising
        if own is not None:
            terms["backbone"] = scale * own
        return terms

    @torch.no_grad()
    def _refuse_unsplit(self, users: Tensor, positives: Tensor, shared: SharedRows) -> None:
        """Refuse a share of the batch where the loss over shared negatives is no mean over it."""
        n, half = len(users), len(users) // 2
        if not half:
            return
        whole = self.shared(users, positives, *shared)
        parts = [
            self.shared(users[rows], positives[rows], shared.rows, shared.log_weights[rows])
            for rows in (slice(half), slice(half, n))
        ]
        total = (half * parts[0] + (n - half) * parts[1]) / n
        if whole.isfinite() and not torch.isclose(whole, total, rtol=1e-3, atol=1e-5):
            raise ConfigError(
                "this loss compares the triplets of a batch with one another, which several "
                "processes share among them",
                keys=("LossMix.shared",),
                found=f"{float(whole):.6g} for a batch and {float(total):.6g} for its halves",
                hint="train in one process, or let it be a mean of what each triplet adds",
            )
        self._known_to_split = True


LossesFactory = Annotated[Callable[[], LossMix], Slot("losses")]
