"""DMA: diffusion aligns item embeddings with their modalities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ccd.backbones.fusion import Fusion
from ccd.backbones.projector import LinearProjector
from ccd.diffusion.estimators import EstimatorFactory
from ccd.diffusion.fusion import FusionFactory
from ccd.diffusion.process import DiffusionFactory
from ccd.ranks.share import ALONE, Ranks, splits
from ccd.registry import component
from ccd.settings import REQUIRED, Flag, Fraction, Slot

_BLOCK_ITEMS = 65_536
"""Items whose estimates are made at once in the reverse process."""


class Denoised(NamedTuple):
    """Distinct item ids ``[m]``, their denoised representations ``[m, dim]`` and the loss."""

    items: Tensor
    representations: Tensor
    loss: Tensor


@component("aligner")
class DiffusionAligner(nn.Module):
    """DMA: noise item embeddings, estimate them back from their modalities, fuse the estimate.

    Args:
        dim: Embedding size.
        projector: Projects raw features to condition tokens.
        rng: Stream of the initial weights.
        device: Where the weights live.
        diffusion: Noise process.
        estimator: Conditional estimator ``f_theta``.
        fusion: Where the denoised representation enters the backbone.
        fusion_weight: Its share in the mix, the paper's mu.
        loss_reduction: ``mean`` over rows and dimensions; ``sum_dim`` sums the dimensions, the
            paper's squared norm.
        detach_target: Keep the loss from pulling embeddings towards their estimates.
        detach_input: Keep gradients from reaching embeddings through the noised input. With both
            (the best on validation) DMA learns to follow the embeddings and never holds them
            back; the released code detaches neither.
        scope: Diffuse the items of the ``batch`` or ``all`` items in each step.
        duplicates: ``unique``: one draw per distinct item; ``each``: one per occurrence, the last
            one is fused and the loss counts all, as in the released code.
    """

    def __init__(
        self,
        dim: int,
        projector: LinearProjector,
        rng: torch.Generator,
        device: torch.device,
        *,
        diffusion: DiffusionFactory = REQUIRED,
        estimator: EstimatorFactory = REQUIRED,
        fusion: FusionFactory = REQUIRED,
        fusion_weight: Fraction = 0.1,
        loss_reduction: Literal["mean", "sum_dim"] = "mean",
        detach_target: Flag = True,
        detach_input: Flag = True,
        scope: Literal["batch", "all"] = "batch",
        duplicates: Literal["unique", "each"] = "unique",
    ) -> None:
        super().__init__()
        # The backbone shares the projector; a tuple keeps it out of this module's own parameters.
        self._projector = (projector,)
        self.diffusion = diffusion(device)
        self.estimator = estimator(dim, len(projector.modalities), rng, device)
        self.fusion, self.fusion_weight = fusion, fusion_weight
        self.loss_reduction = loss_reduction
        self.detach_target, self.detach_input = detach_target, detach_input
        self.scope, self.duplicates = scope, duplicates

    def denoise(
        self, item_embeddings: Tensor, items: Tensor, rng: torch.Generator, ranks: Ranks = ALONE
    ) -> Denoised:
        """One training step: estimates of the batch's items and ``L_dm`` (Eq. 5).

        Args:
            item_embeddings: ID embeddings ``[n_items, dim]``.
            items: Ids of the batch's items ``[n]``, repeats allowed.
            rng: Stream of timesteps and noise.
            ranks: Each estimates a share of the items, and has a part of the loss.
        """
        if self.scope == "all":
            items = torch.arange(len(item_embeddings), device=items.device)
        elif self.duplicates == "unique":
            items = torch.unique(items)
        x0 = F.embedding(items, item_embeddings)
        timesteps = self.diffusion.draw_timesteps(len(items), rng)
        noise = torch.empty_like(x0).normal_(generator=rng) * self.diffusion.noise_std(x0)
        share = ranks.share_for(self.estimator, len(items))
        x0, timesteps, noise = share.of(x0), share.of(timesteps), share.of(noise)
        target = x0.detach() if self.detach_target else x0
        x0 = x0.detach() if self.detach_input else x0
        x_t = self.diffusion.add_noise(x0, noise, timesteps)
        estimate = self._predict(x_t, timesteps, self.encode(share.of(items)))
        loss = share.part(self._distance(estimate, target))
        estimate = ranks.gathered(share, estimate, len(items))
        if self.scope == "batch" and self.duplicates == "each":
            items, rows = _last_occurrences(items, len(item_embeddings))
            estimate = estimate.index_select(0, rows)
        return Denoised(items, estimate, loss)

    @torch.no_grad()
    def sample(
        self,
        item_embeddings: Tensor,
        keep: Sequence[int],
        rng: torch.Generator,
        ranks: Ranks = ALONE,
    ) -> dict[int, Tensor]:
        """Reverse the diffusion of all items; ``[n_items, dim]`` for each kept step.

        See :meth:`GaussianDiffusion.reverse`. Each of ``ranks`` reverses a share of the items.
        """
        n = len(item_embeddings)
        share = ranks.share_for(self.estimator, n)
        items = share.of(torch.arange(n, device=item_embeddings.device))
        size = _BLOCK_ITEMS if splits(self.estimator) else max(1, len(items))
        encoded = [self.encode(block) for block in items.split(size)]

        def predict(x: Tensor, timesteps: Tensor) -> Tensor:
            blocks = zip(x.split(size), timesteps.split(size), encoded, strict=True)
            estimates = [self._predict(*block) for block in blocks]
            return estimates[0] if len(estimates) == 1 else torch.cat(estimates)

        kept = self.diffusion.reverse(item_embeddings, predict, keep, rng, share)
        return {done: ranks.gathered(share, x, n) for done, x in kept.items()}

    def encode(self, items: Tensor) -> Any:
        """What the estimator needs of the modalities of ``items [n]``."""
        return self.estimator.encode(self._projector[0](items))

    def fuse(self, items: Tensor, denoised: Tensor) -> Fusion:
        """What the backbone is to mix in: ``denoised [m, dim]`` of the distinct ``items [m]``."""
        return self.fusion(items, denoised, self.fusion_weight)

    def _predict(self, x_t: Tensor, timesteps: Tensor, encoded: Any) -> Tensor:
        return self.estimator(x_t, timesteps + self.diffusion.first_index, encoded)

    def _distance(self, estimate: Tensor, target: Tensor) -> Tensor:
        mean = F.mse_loss(estimate, target)
        return mean * target.shape[1] if self.loss_reduction == "sum_dim" else mean


def _last_occurrences(items: Tensor, n_items: int) -> tuple[Tensor, Tensor]:
    """Distinct ids of ``items [n]`` and the row of each one's last occurrence."""
    rows = torch.arange(len(items), device=items.device)
    last = torch.full((n_items,), -1, device=items.device)
    last = last.scatter_reduce(0, items, rows, "amax")
    distinct = (last >= 0).nonzero()[:, 0]
    return distinct, last[distinct]


AlignerFactory = Annotated[Callable[..., DiffusionAligner], Slot("aligner")]
