"""The assembled model: backbone, DMA, NDI and CNS, and what one step and one epoch do with them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ccd.backbones.base import Backbone, Batch, Fuse, Representations, Rows, Step, no_fusion
from ccd.diffusion.aligner import DiffusionAligner
from ccd.errors import ConfigError
from ccd.losses.mix import LossMix
from ccd.negatives.base import Sampler, SamplingContext
from ccd.negatives.pools import DiffusionPools
from ccd.negatives.probe import NegativeProbe
from ccd.training.random import Streams


class Recommender(nn.Module):
    """A backbone with the parts of CCDRec that a variant names; any of them may be absent.

    Args:
        backbone: Scores users and items.
        aligner: DMA, or None.
        pools: NDI, or None; needs an aligner.
        sampler: Chooses hard negatives, or None for random negatives only.
        losses: The objective.
        streams: Random streams.

    Attributes:
        sample: DMA's last sample of all items ``[n_items, dim]``, which ``infer`` fuses them with.
    """

    def __init__(
        self,
        backbone: Backbone,
        aligner: DiffusionAligner | None,
        pools: DiffusionPools | None,
        sampler: Sampler | None,
        losses: LossMix,
        streams: Streams,
    ) -> None:
        super().__init__()
        self.backbone, self.aligner = backbone, aligner
        self.pools, self.sampler, self.losses = pools, sampler, losses
        self._graph_rng = streams.generator("graph")
        self._noise_rng = streams.generator("noise")
        self._streams = streams
        self._reverse_rng = streams.generator("reverse")
        self.sample: Tensor | None = None
        self._pool_table: Tensor | None = None
        self._epoch_end: Representations | None = None
        self.probe: NegativeProbe | None = None

    def start_epoch(self, epoch: int) -> None:
        """Redraw the epoch's graph; before epoch 0 make what its sampler wants to look at."""
        if epoch == 0 and self.sampler is not None and self.sampler.needs_epoch_end(0):
            self.reverse(0)
            self.infer()
        self.train()
        if epoch > 0 and self.sample is not None:
            self.backbone.observe_sample(self.sample)
        self.backbone.start_epoch(self._graph_rng)

    def step(self, batch: Batch, epoch: int) -> dict[str, Tensor]:
        """The terms of the objective for one batch, by name."""
        fuse: Fuse = no_fusion
        denoising = None
        if self.aligner is not None:
            items = torch.cat([batch.positives, batch.negatives])
            denoised = self.aligner.denoise(self.backbone.item_embeddings, items, self._noise_rng)
            fuse = self.aligner.fuse(denoised.items, denoised.representations)
            denoising = denoised.loss
        step, hard = self._forward(batch, epoch, fuse)
        ranked = (step.users, step.positives, step.negatives)
        return self.losses(
            ranked if self.backbone.trains_on_negatives else None,
            hard,
            denoising,
            self.backbone.own_loss(step),
        )

    @torch.no_grad()
    def reverse(self, epoch: int) -> None:
        """DMA's reverse process for all items: samples for inference and, with NDI, pools."""
        if self.aligner is None:
            return
        self.eval()
        if self.aligner.fixed_sampling:
            self._reverse_rng = self._streams.generator("reverse")
        embeddings = self.backbone.item_embeddings
        keep = self.pools.keep if self.pools is not None else ()
        kept = self.aligner.sample(embeddings, keep, self._reverse_rng)
        self.sample = kept[self.aligner.diffusion.steps]
        if self.pools is not None and epoch % self.pools.every == 0:
            self._pool_table = self.pools.build(
                kept, self.backbone.higher_order, self.aligner.fusion_weight
            )

    @torch.no_grad()
    def infer(self) -> Representations:
        """Representations on the full graph, all items fused with their last sample."""
        self.eval()
        fuse: Fuse = no_fusion
        if self.aligner is not None and self.sample is not None:
            every = torch.arange(len(self.sample), device=self.sample.device)
            fuse = self.aligner.fuse(every, self.sample)
        users, items, _ = self.backbone(fuse)
        # A backbone may return its parameters, which the optimiser changes in place.
        self._epoch_end = Representations(users.detach().clone(), items.detach().clone())
        if self.sampler is not None:
            self.sampler.observe(self._epoch_end)
        return self._epoch_end

    @property
    def epoch_end(self) -> Representations | None:
        """What ``infer`` returned last."""
        return self._epoch_end

    @property
    def pool_table(self) -> Tensor | None:
        """NDI's pools of the last reverse process ``[n_pools, n_items, dim]``."""
        return self._pool_table

    @torch.no_grad()
    def draw(self, batch: Batch, epoch: int) -> Tensor | None:
        """The hard negatives ``[batch]`` that epoch ``epoch`` would draw from the model as it is.

        None without a sampler, and for one that makes up representations. ``reverse`` and
        ``infer`` were called before.
        """
        if self.sampler is None or self.sampler.needs(epoch) == "layers":
            return None
        return self._hard_negatives(batch, epoch, self._epoch_end, None)

    def _forward(self, batch: Batch, epoch: int, fuse: Fuse) -> tuple[Step, Tensor | None]:
        """One forward pass: the batch's rows, and those of its hard negatives ``[batch, dim]``.

        Only these rows are computed, unless the sampler has to see the others first.
        """
        needs = self.sampler.needs(epoch) if self.sampler is not None else "nothing"
        ids = [batch.positives, batch.negatives]
        if needs == "nothing":
            hard = self._hard_negatives(batch, epoch, None, None)
            ids += [] if hard is None else [hard]
            distinct_users, user_index = torch.unique(batch.users, return_inverse=True)
            distinct_items, item_index = torch.unique(torch.cat(ids), return_inverse=True)
            output = self._rows(fuse, Rows(distinct_users, distinct_items))
        else:
            layers: Tensor | None = None
            if needs == "layers":
                output, layers = self.backbone.layered(fuse)
            else:
                output = self.backbone(fuse)
            hard = self._hard_negatives(batch, epoch, output, layers)
            assert hard is not None
            ids += [] if hard.is_floating_point() else [hard]
            user_index, item_index = batch.users, torch.cat(ids)
        # One gather per table: each costs a zero-filled gradient table in the backward pass.
        users = F.embedding(user_index, output.users)
        rows = F.embedding(item_index, output.items).chunk(len(ids))
        index = Batch(user_index, *item_index.chunk(len(ids))[:2])
        step = Step(batch, index, users, rows[0], rows[1], output)
        return step, rows[2] if len(rows) > 2 else hard

    def _rows(self, fuse: Fuse, rows: Rows) -> Representations:
        output: Representations = self.backbone(fuse, rows)
        asked, given = (len(rows.users), len(rows.items)), (len(output.users), len(output.items))
        if asked != given:  # rows would be looked up by numbers that mean other users and items
            raise ConfigError(
                f"{type(self.backbone).__name__}.forward must return the rows of the {asked[0]} "
                f"users and {asked[1]} items that it was asked for",
                keys=(type(self.backbone).__name__,),
                found=f"{given[0]} and {given[1]}",
                hint="return those that 'rows' names, and all of them only where it is None",
            )
        return output

    def _hard_negatives(
        self, batch: Batch, epoch: int, now: Representations | None, layers: Tensor | None
    ) -> Tensor | None:
        """The sampler's items ``[batch]``, or rows that it made up from layers ``[batch, dim]``."""
        if self.sampler is None:
            return None
        current = None if now is None else Representations(now.users.detach(), now.items.detach())
        context = SamplingContext(epoch, current, self._epoch_end, self._pool_table, layers)
        with torch.set_grad_enabled(layers is not None):
            hard = self.sampler.sample(batch.users, batch.positives, batch.negatives, context)
        made_up = hard.is_floating_point() and hard.ndim == 2
        ids = hard.dtype == torch.int64 and hard.ndim == 1
        if len(hard) != len(batch.users) or not (ids or made_up):
            raise ConfigError(  # the rows of other triplets would be looked up
                f"{type(self.sampler).__name__}.sample must return a negative for each of "
                f"{len(batch.users)} triplets",
                keys=(type(self.sampler).__name__,),
                found=f"{list(hard.shape)} {hard.dtype}",
                hint="return one item id (int64) for each, or a made-up row of "
                f"[{len(batch.users)}, dim]",
            )
        if self.probe is not None:
            self.probe.see(batch, hard)
        return hard
