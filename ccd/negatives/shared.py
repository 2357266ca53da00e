"""Negatives that the whole batch shares, for a softmax over many of them."""

from __future__ import annotations

import torch
from torch import Tensor

from ccd.negative_source import NegativeSource
from ccd.negatives.base import Sampler, SamplerWorld, SamplingContext, SharedNegatives
from ccd.negatives.curricula import Curriculum
from ccd.negatives.from_pools import PoolSampler
from ccd.negatives.scores import smallest_of_top
from ccd.registry import component
from ccd.settings import REQUIRED, NonNegativeFloat, PositiveFraction, PositiveInt


@component("sampler")
class SharedSampler(Sampler):
    """Random items that are negatives of all triplets of a batch, but for what a user has seen.

    With ``LossMix.hard_weight = 1`` it is the sampled softmax that many strong recommenders train
    with instead of BPR: hundreds of negatives per positive at the price of one matrix product.

    Args:
        world: Catalogue, positives and random stream.
        n_shared: Distinct items that a batch draws; the whole catalogue where it has fewer.
    """

    splits = True

    def __init__(self, world: SamplerWorld, *, n_shared: PositiveInt = 512) -> None:
        self._world, self.n_shared = world, n_shared

    def sample(
        self, users: Tensor, positives: Tensor, negatives: Tensor, context: SamplingContext
    ) -> SharedNegatives:
        ids = self._world.draw_distinct(self.n_shared)
        return SharedNegatives(ids, self._world.unseen(users, ids))

    def source(self, epoch: int) -> NegativeSource:
        return NegativeSource.random()


@component("sampler")
class SharedCurricularSampler(PoolSampler):
    """CNS for a softmax: the candidates are all negatives, the most similar ones count more.

    ``CurricularSampler`` draws one of the top share; here all of the top share count ``1 +
    emphasis`` times, the other candidates once. Nothing is drawn twice, and what one row of a
    batch has looked up serves all.

    Args:
        world: Catalogue, positives and random stream.
        curriculum: Which pool an epoch uses.
        n_shared: Distinct items that a batch draws; the whole catalogue where it has fewer.
        top_fraction: Share of them that count more for a triplet.
        emphasis: How many times more they count; 0 is SharedSampler.

    Raises:
        ConfigError: There are no pools.
    """

    splits = True

    def __init__(
        self,
        world: SamplerWorld,
        *,
        curriculum: Curriculum = REQUIRED,
        n_shared: PositiveInt = 512,
        top_fraction: PositiveFraction = 0.1,
        emphasis: NonNegativeFloat = 2.0,
    ) -> None:
        super().__init__(world, curriculum)
        self.n_shared = min(n_shared, len(world.catalogue))
        self.n_top = max(1, int(top_fraction * self.n_shared))
        self.emphasis = emphasis

    def sample(
        self, users: Tensor, positives: Tensor, negatives: Tensor, context: SamplingContext
    ) -> SharedNegatives:
        ids = self._world.draw_distinct(self.n_shared)
        log_weights = self._world.unseen(users, ids)
        index = self._index(context.epoch)
        if index is not None and self.emphasis:
            table = self._table(index, context)
            anchors, candidates = table.index_select(0, positives), table.index_select(0, ids)
            scores = anchors @ candidates.T + log_weights
            top = scores >= smallest_of_top(scores, self.n_top)
            log_weights = log_weights + top * torch.tensor(self.emphasis).log1p()
        return SharedNegatives(ids, log_weights)
