"""Negatives that the whole batch shares, for a softmax over many of them."""

from __future__ import annotations

import torch
from torch import Tensor

from ccd.errors import ConfigError
from ccd.negative_source import NegativeSource
from ccd.negatives.base import Sampler, SamplerWorld, SamplingContext, SharedNegatives
from ccd.negatives.curricula import Curriculum
from ccd.negatives.curricular import CurricularSampler, smallest_of_top
from ccd.registry import component
from ccd.settings import REQUIRED, NonNegativeFloat, PositiveFraction


@component("sampler")
class SharedSampler(Sampler):
    """A random share of the catalogue as negatives of all triplets, but for what a user has seen.

    With ``LossMix.hard_weight = 1`` it is the sampled softmax that many strong recommenders train
    with instead of BPR: hundreds of negatives per positive at the price of one matrix product.

    Args:
        world: Catalogue, positives and random stream.
        fraction: Share of the catalogue that a batch draws, without replacement.

    Raises:
        ConfigError: The share leaves less than one item.
    """

    def __init__(self, world: SamplerWorld, *, fraction: PositiveFraction = 0.1) -> None:
        self._world, self.n_shared = world, int(fraction * len(world.catalogue))
        if self.n_shared < 1:
            raise ConfigError(
                f"SharedSampler.fraction = {fraction} of {len(world.catalogue)} items leaves none",
                keys=("SharedSampler.fraction",),
                hint=f"it must be at least {1 / len(world.catalogue):.2g}",
            )

    def sample(
        self, users: Tensor, positives: Tensor, negatives: Tensor, context: SamplingContext
    ) -> SharedNegatives:
        ids = self._world.draw_distinct(self.n_shared)
        return SharedNegatives(ids, _unseen(self._world, users, ids))

    def source(self, epoch: int) -> NegativeSource:
        return NegativeSource.random()


@component("sampler")
class SharedCurricularSampler(CurricularSampler):
    """CNS for a softmax: the candidates are all negatives, the most similar ones count more.

    ``CurricularSampler`` draws one of the top share; here all of the top share count ``1 +
    emphasis`` times, the other candidates once. Nothing is drawn twice, and what one row of a
    batch has looked up serves all.

    Args:
        world: Catalogue, positives and random stream.
        curriculum: Which pool an epoch uses.
        candidate_fraction: Share of the catalogue that are candidates.
        top_fraction: Share of the candidates that count more.
        emphasis: How many times more they count; 0 is SharedSampler.

    Raises:
        ConfigError: There are no pools, or the shares leave less than one candidate.
    """

    def __init__(
        self,
        world: SamplerWorld,
        *,
        curriculum: Curriculum = REQUIRED,
        candidate_fraction: PositiveFraction = 0.1,
        top_fraction: PositiveFraction = 0.1,
        emphasis: NonNegativeFloat = 2.0,
    ) -> None:
        super().__init__(
            world,
            curriculum=curriculum,
            candidate_fraction=candidate_fraction,
            top_fraction=top_fraction,
        )
        self.emphasis = emphasis

    def sample(  # type: ignore[override]  # shared instead of one per triplet
        self, users: Tensor, positives: Tensor, negatives: Tensor, context: SamplingContext
    ) -> SharedNegatives:
        ids = self._candidates()
        log_weights = _unseen(self._world, users, ids)
        index = self._index(context.epoch)
        if index is not None and self.emphasis:
            table = self._table(index, context)
            anchors, candidates = table.index_select(0, positives), table.index_select(0, ids)
            scores = self._scores(anchors, candidates) + log_weights
            top = scores >= smallest_of_top(scores, self.n_top)
            log_weights = log_weights + top * torch.tensor(self.emphasis).log1p()
        return SharedNegatives(ids, log_weights)


def _unseen(world: SamplerWorld, users: Tensor, ids: Tensor) -> Tensor:
    """0 where a user of ``users [batch]`` has not seen an item of ``ids``, else minus infinity."""
    rows, items = world.seen.of(users)
    columns = torch.full((world.seen.n_items,), -1, device=ids.device)
    columns[ids] = torch.arange(len(ids), device=ids.device)
    columns = columns[items]
    hit = columns >= 0
    found = torch.zeros(len(users), len(ids), device=ids.device)
    found[rows[hit], columns[hit]] = -torch.inf
    return found
