"""The assembled model: backbone, DMA, NDI and CNS, and what one step and one epoch do with them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ccd.backbones.base import Backbone, Batch, Representations, Rows, Step
from ccd.backbones.fusion import Fusion
from ccd.cold_items.placing import ColdItems
from ccd.diffusion.aligner import DiffusionAligner
from ccd.errors import ConfigError
from ccd.graphs.items_by_user import ItemsByUser
from ccd.losses.mix import LossMix
from ccd.losses.shared import SharedRows
from ccd.negative_source import NegativeSource
from ccd.negatives.base import (
    ItemNegatives,
    MadeUpNegatives,
    Negatives,
    Sampler,
    SamplingContext,
    SharedNegatives,
)
from ccd.negatives.pools import DiffusionPools
from ccd.negatives.probe import NegativeProbe
from ccd.ranks.share import ALONE, EVERYTHING, Ranks, Share, splits
from ccd.state import State, load_state_of, state_of
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
        probe: Measures the hard negatives of each epoch, or None.
        seen: Training positives, which no hard negative may be; None to leave that unchecked.
        cold_items: Places items without interactions, or None to leave them as they are.
        ranks: The processes that train it together; each draws for the whole batch alike.
    """

    def __init__(
        self,
        backbone: Backbone,
        aligner: DiffusionAligner | None,
        pools: DiffusionPools | None,
        sampler: Sampler | None,
        losses: LossMix,
        streams: Streams,
        probe: NegativeProbe | None = None,
        seen: ItemsByUser | None = None,
        cold_items: ColdItems | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        super().__init__()
        self._cold_items, self.ranks = cold_items, ranks
        self._seen, self._checked_epoch = seen, -1
        self.backbone, self.aligner = backbone, aligner
        self.pools, self.sampler, self.losses = pools, sampler, losses
        self._probe = probe
        self._graph_rng = streams.generator("graph")
        self._noise_rng = streams.generator("noise")
        self._reverse_rng = streams.generator("reverse")
        self._sample: Tensor | None = None
        self._pool_table: Tensor | None = None
        self._epoch_end: Representations | None = None

    def restore(self, weights: Mapping[str, Tensor], sample: Tensor | None) -> None:
        """Become the model that was trained and tested: nothing is drawn anew.

        Args:
            weights: What ``state_dict`` gave.
            sample: DMA's sample of all items ``[n_items, dim]``; None without DMA.
        """
        self.load_state_dict(weights)
        self._sample = sample

    def state(self) -> State:
        """The weights, and what the next epoch needs of this one."""
        end = self._epoch_end
        return {
            "weights": self.state_dict(),
            "sample": self._sample,
            "pool_table": self._pool_table,
            "epoch_end": None if end is None else [end.users, end.items],
            "parts": state_of(self._parts),
        }

    def load_state(self, state: State) -> None:
        """Take up what ``state`` gave."""
        self.restore(state["weights"], state["sample"])
        self._pool_table = state["pool_table"]
        end = state["epoch_end"]
        self._epoch_end = None if end is None else Representations(*end)
        load_state_of(self._parts, state["parts"])

    @property
    def _parts(self) -> dict[str, object]:
        """The parts that may remember something."""
        return {
            "backbone": self.backbone,
            "aligner": self.aligner,
            "pools": self.pools,
            "sampler": self.sampler,
            "losses": self.losses,
            "probe": self._probe,
        }

    def start_epoch(self, epoch: int) -> None:
        """Redraw the epoch's graph; before epoch 0 make what its sampler wants to look at."""
        if epoch == 0 and self.sampler is not None and self.sampler.needs_epoch_end(0):
            self.reverse(0)
            self.infer()
        self.train()
        self.backbone.start_epoch(self._graph_rng, self._sample if epoch > 0 else None)

    def step(self, batch: Batch, epoch: int) -> dict[str, Tensor]:
        """This rank's part of the terms of the objective for one batch, by name, each a scalar."""
        share = self.ranks.share_for(self.backbone, len(batch.users))
        fusion: Fusion | None = None
        denoising = None
        if self.aligner is not None:
            items = batch.positives
            if self.losses.sees_random(with_hard=self.sampler is not None):
                items = torch.cat([items, batch.negatives])
            denoised = self.aligner.denoise(
                self.backbone.item_embeddings, items, self._noise_rng, self.ranks
            )
            fusion = self.aligner.fuse(denoised.items, denoised.representations)
            denoising = denoised.loss
        step, hard = self._forward(batch, share, epoch, fusion)
        ranked = (step.users, step.positives, step.negatives)
        return self.losses(
            ranked if self.backbone.trains_on_negatives else None,
            hard,
            denoising,
            self.backbone.own_loss(step),
            share,
        )

    def place_cold_items(self) -> None:
        """Give items without interactions the embeddings of their neighbours as they are now."""
        if self._cold_items is not None:
            self.eval()
            self._cold_items.place()

    @torch.no_grad()
    def reverse(self, epoch: int) -> None:
        """DMA's reverse process for all items: samples for inference and, with NDI, pools."""
        if self.aligner is None:
            return
        kept = self._reversed(self.aligner, self._reverse_rng)
        self._sample = kept[self.aligner.diffusion.steps]
        if self.pools is not None:
            self._pool_table = self.pools.build(kept)

    @torch.no_grad()
    def redraw_pools(self) -> None:
        """Draw NDI's pools of the model as it is, with ``sample`` left alone.

        A restored model needs it before it draws hard negatives: pools are not kept.
        """
        if self.aligner is not None and self.pools is not None:
            self._pool_table = self.pools.build(self._reversed(self.aligner, self._reverse_rng))

    @torch.no_grad()
    def resample(self, rng: torch.Generator) -> Tensor | None:
        """What DMA's sample would be with noise from ``rng``; changes nothing. None without DMA."""
        if self.aligner is None:
            return None
        return self._reversed(self.aligner, rng)[self.aligner.diffusion.steps]

    @torch.no_grad()
    def infer(self) -> Representations:
        """Representations on the full graph, all items fused with their last sample."""
        self.eval()
        users, items, _ = found = self.backbone(self._fusion_of_all())
        if self._cold_items is not None:
            items = self._cold_items.scaled(items, self._cold_items.factors(found))
        # A backbone may return its parameters, which the optimiser changes in place.
        self._epoch_end = Representations(users.detach().clone(), items.detach().clone())
        if self.sampler is not None:
            self.sampler.observe(self._epoch_end)
        return self._epoch_end

    @torch.no_grad()
    def paths(self) -> dict[str, Tensor] | None:
        """The parts ``[n_items, dim]`` of the items that ``infer`` gives, by what they come from.

        None where the backbone has no parts that add up to them.
        """
        self.eval()
        fusion = self._fusion_of_all()
        parts = self.backbone.paths(fusion)
        if parts is None:
            return None
        # A backbone derived from one with parts may have changed what they add up to.
        total, found = torch.stack(list(parts.values())).sum(dim=0), self.backbone(fusion)
        if not torch.allclose(total, found.items, rtol=1e-3, atol=1e-5):
            return None
        if self._cold_items is None:
            return parts
        factors = self._cold_items.factors(found)
        return {name: self._cold_items.scaled(part, factors) for name, part in parts.items()}

    def _fusion_of_all(self) -> Fusion | None:
        """All items fused with their last sample; None without DMA."""
        if self.aligner is None or self._sample is None:
            return None
        every = torch.arange(len(self._sample), device=self._sample.device)
        return self.aligner.fuse(every, self._sample)

    @property
    def sample(self) -> Tensor | None:
        """DMA's last sample of all items ``[n_items, dim]``, which ``infer`` fuses them with."""
        return self._sample

    @property
    def epoch_end(self) -> Representations | None:
        """What ``infer`` returned last."""
        return self._epoch_end

    @property
    def pool_table(self) -> Tensor | None:
        """NDI's pools of the last reverse process ``[n_pools, n_items, dim]``."""
        return self._pool_table

    def source(self, epoch: int) -> NegativeSource:
        """Where the hard negatives of an epoch come from."""
        return self.sampler.source(epoch) if self.sampler is not None else NegativeSource.none()

    def measure_negatives(self) -> dict[str, float] | None:
        """What the probe finds in the hard negatives since the last call, after ``infer``.

        None without a probe, and where no hard negative was an item.
        """
        if self._probe is None:
            return None
        assert self._epoch_end is not None, "every epoch ends with inference"
        return self._probe.measure(self._epoch_end)

    @torch.no_grad()
    def draw(self, batch: Batch, epoch: int) -> Negatives | None:
        """The hard negatives that epoch ``epoch`` would draw from the model as it is.

        None without a sampler, and for one that needs layers, which only a training step has.
        ``reverse`` and ``infer`` were called before.
        """
        if self.sampler is None or self.sampler.needs(epoch) == "layers":
            return None
        return self._hard_negatives(batch, epoch, self._epoch_end, None)

    def _reversed(self, aligner: DiffusionAligner, rng: torch.Generator) -> dict[int, Tensor]:
        """Reverse steps done to the sample of all items ``[n_items, dim]``."""
        self.eval()
        keep = self.pools.keep if self.pools is not None else ()
        return aligner.sample(self.backbone.item_embeddings, keep, rng, self.ranks)

    def _forward(
        self, batch: Batch, share: Share, epoch: int, fusion: Fusion | None
    ) -> tuple[Step, Tensor | SharedRows | None]:
        """One forward pass: the rows of a share of the batch, and those of its hard negatives.

        Only these rows are computed, unless the sampler has to see the others first.
        """
        needs = self.sampler.needs(epoch) if self.sampler is not None else "nothing"
        own = _share_of(batch, share)
        ids = [own.positives, own.negatives]
        if needs == "nothing":
            drawn = self._hard_negatives(batch, epoch, None, None, share)
            ids += [] if drawn is None or isinstance(drawn, MadeUpNegatives) else [drawn.ids]
            distinct_users, user_index = torch.unique(own.users, return_inverse=True)
            distinct_items, item_index = torch.unique(torch.cat(ids), return_inverse=True)
            output = self._rows(fusion, Rows(distinct_users, distinct_items))
        else:
            layers: Tensor | None = None
            if needs == "layers":
                output, layers = self.backbone.layered(fusion)
            else:
                output = self.backbone(fusion)
            drawn = self._hard_negatives(batch, epoch, output, layers, share)
            ids += [] if drawn is None or isinstance(drawn, MadeUpNegatives) else [drawn.ids]
            user_index, item_index = own.users, torch.cat(ids)
        # One gather per table: each costs a zero-filled gradient table in the backward pass.
        users = F.embedding(user_index, output.users)
        sizes = [len(x) for x in ids]
        rows = F.embedding(item_index, output.items).split(sizes)
        index = Batch(user_index, *item_index.split(sizes)[:2])
        step = Step(own, index, users, rows[0], rows[1], output)
        if drawn is None:
            return step, None
        if isinstance(drawn, MadeUpNegatives):
            return step, drawn.rows
        if isinstance(drawn, SharedNegatives):
            return step, SharedRows(rows[2], drawn.log_weights)
        return step, rows[2]

    def _rows(self, fusion: Fusion | None, rows: Rows) -> Representations:
        output: Representations = self.backbone(fusion, rows)
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
        self,
        batch: Batch,
        epoch: int,
        now: Representations | None,
        layers: Tensor | None,
        share: Share = EVERYTHING,
    ) -> Negatives | None:
        """What the sampler chose for a share of the batch, checked and shown to the probe.

        None without a sampler. One that draws for each triplet draws for all of them.
        """
        if self.sampler is None:
            return None
        left = share  # what is still to be taken of what it returns
        if splits(self.sampler):
            batch, left = _share_of(batch, share), EVERYTHING
        current = None if now is None else Representations(now.users.detach(), now.items.detach())
        context = SamplingContext(epoch, current, self._epoch_end, self._pool_table, layers)
        with torch.set_grad_enabled(layers is not None):
            drawn = self.sampler.sample(batch.users, batch.positives, batch.negatives, context)
        found = _misfit(drawn, len(batch.users))
        if found:
            raise ConfigError(  # the rows of other triplets would be looked up
                f"{type(self.sampler).__name__}.sample must return a negative for each of "
                f"{len(batch.users)} triplets",
                keys=(type(self.sampler).__name__,),
                found=found,
                hint="return ItemNegatives(ids) with one item id (int64) for each, "
                f"MadeUpNegatives(rows) with rows [{len(batch.users)}, dim], or SharedNegatives("
                f"ids, log_weights) with log_weights [{len(batch.users)}, n_shared]",
            )
        if isinstance(drawn, ItemNegatives) and epoch != self._checked_epoch:
            self._checked_epoch = epoch  # the first batch of each epoch: the look-up costs time
            self._refuse_positives(batch, drawn.ids)
        if self._probe is not None:
            self._probe.see(batch, drawn)
        return _share_of_drawn(drawn, left)

    def _refuse_positives(self, batch: Batch, ids: Tensor) -> None:
        if self._seen is None:
            return
        found = int(self._seen.contains(batch.users, ids).sum())
        if found:
            name = type(self.sampler).__name__
            raise ConfigError(
                f"{name}.sample must return no training positive of its user",
                keys=(name,),
                found=f"{found} of {len(ids)} in a batch",
                hint="draw with world.random, or leave out what world.seen.contains finds "
                f"(ccd check {name} shows more)",
            )


def _share_of(batch: Batch, share: Share) -> Batch:
    # The batch itself is known again, by the probe for one.
    return batch if share.rows is None else Batch(*map(share.of, batch))


def _share_of_drawn(drawn: Negatives, share: Share) -> Negatives:
    if isinstance(drawn, SharedNegatives):
        return SharedNegatives(drawn.ids, share.of(drawn.log_weights))
    return type(drawn)(*map(share.of, drawn))


def _misfit(drawn: object, n: int) -> str | None:
    """What a sampler returned, where it is not negatives of ``n`` triplets; else None."""
    if isinstance(drawn, ItemNegatives):
        tensor = drawn.ids
        fits = tensor.dtype == torch.int64 and tensor.shape == (n,)
    elif isinstance(drawn, MadeUpNegatives):
        tensor = drawn.rows
        fits = tensor.is_floating_point() and tensor.ndim == 2 and len(tensor) == n
    elif isinstance(drawn, SharedNegatives):
        tensor = drawn.log_weights
        fits = drawn.ids.dtype == torch.int64 and tensor.shape == (n, len(drawn.ids))
    else:
        return f"a {type(drawn).__name__}"
    return None if fits else f"{list(tensor.shape)} {tensor.dtype} as {type(drawn).__name__}"
