"""RealHNS reduced to one domain (``realhns_sd``): a window of ranks, less false negatives."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from ccd.backbones.base import Representations
from ccd.errors import ConfigError
from ccd.negative_source import NegativeSource
from ccd.negatives.base import ItemNegatives, Sampler, SamplerWorld, SamplingContext
from ccd.negatives.clusters import cohesion
from ccd.negatives.scores import columns_by_rank, pair_scores
from ccd.registry import component
from ccd.settings import (
    NonNegativeInt,
    PositiveFloat,
    PositiveFraction,
    PositiveInt,
    ProperFraction,
)

Growth = Annotated[PositiveFloat, Field(ge=1)]

_BLOCK_USERS = 1024


@component("sampler")
class RealHNSSingleDomainSampler(Sampler):
    """RealHNS without its second domain (realhns_sd): a window of ranks, less false negatives.

    Ma et al. 2023 sample across two domains. What needs both is dropped, and how many of the
    negatives are hard becomes how likely one is; no source defines this reduction. All similarities
    are cosines. Once per epoch each user's pool is drawn from a window of the ranked items. Per
    triplet those too similar to the positive are false negatives; of the rest one of the most
    similar to the user is drawn. The limit of the filter starts strict and relaxes to the mean
    cohesion of the items' clusters.

    Args:
        world: Catalogue, positives and random stream.
        rank_low: Start of the window, as a share of the ranked items.
        rank_high: Its end.
        pool_size: Items of the window kept per user, where the whole catalogue is ranked.
        n_top: Most similar survivors among which one is drawn, where all of it is ranked.
        candidate_fraction: Share of the catalogue that is ranked, drawn anew in each epoch; window,
            pool and top shrink with it. The source ranks all (1.0), at several times the cost.
        n_clusters: Clusters of the items.
        start_epoch: Last epoch with random negatives only, e0.
        step_epochs: Epochs between two steps of the curriculum.
        count_max: Steps until every negative is hard.
        start_divisor: The filter's first limit is the cohesion over this.
        growth: Factor of the limit at each step; 1 leaves it as it was at the first.

    Raises:
        ConfigError: The window holds no item.
    """

    def __init__(
        self,
        world: SamplerWorld,
        *,
        rank_low: ProperFraction = 0.0,
        rank_high: PositiveFraction = 0.1,
        pool_size: PositiveInt = 1000,
        n_top: PositiveInt = 100,
        candidate_fraction: PositiveFraction = 0.1,
        n_clusters: PositiveInt = 100,
        start_epoch: NonNegativeInt = 5,
        step_epochs: PositiveInt = 2,
        count_max: PositiveInt = 8,
        start_divisor: PositiveFloat = 5.0,
        growth: Growth = 1.15,
    ) -> None:
        self._world = world
        self.n_ranked = int(candidate_fraction * len(world.catalogue))
        self.low, self.high = int(rank_low * self.n_ranked), int(rank_high * self.n_ranked)
        if self.low >= self.high:
            raise ConfigError(
                f"RealHNSSingleDomainSampler.rank_low = {rank_low} and rank_high = {rank_high} of "
                f"the {self.n_ranked} items that candidate_fraction = {candidate_fraction} leaves "
                f"are the ranks {self.low} to {self.high}, an empty window",
                keys=[
                    f"RealHNSSingleDomainSampler.{name}"
                    for name in ("rank_low", "rank_high", "candidate_fraction")
                ],
                hint="widen it",
            )
        self.pool_size = min(math.ceil(candidate_fraction * pool_size), self.high - self.low)
        self.n_top = min(math.ceil(candidate_fraction * n_top), self.pool_size)
        self.n_clusters = n_clusters
        self.start_epoch, self.step_epochs, self.count_max = start_epoch, step_epochs, count_max
        self.start_divisor, self.growth = start_divisor, growth
        self._epoch = -1
        self._pool = torch.empty(0, dtype=torch.int32)
        self._cohesion = 0.0

    def sample(
        self, users: Tensor, positives: Tensor, negatives: Tensor, context: SamplingContext
    ) -> ItemNegatives:
        step, now, rng = self._step(context.epoch), context.current, self._world.rng
        if not step:
            return ItemNegatives(negatives)
        assert now is not None, "needs() asks for current representations"
        if context.epoch != self._epoch:
            assert context.epoch_end is not None, "the recommender infers at every epoch's end"
            self._epoch = context.epoch
            self._refresh(context.epoch_end)
        chance = torch.rand(len(users), generator=rng, device=rng.device)
        hard = (chance < step / self.count_max).nonzero()[:, 0]
        chosen = negatives.clone()
        chosen[hard] = self._draw(users[hard], positives[hard], negatives[hard], now, step)
        return ItemNegatives(chosen)

    def source(self, epoch: int) -> NegativeSource:
        step = self._step(epoch)
        if not step:
            return NegativeSource.random()
        share = min(1.0, step / self.count_max)
        label = f"{share:.0%} hard, limit {self._relaxation(step):.0%}"
        return NegativeSource.own(label, stage=min(step, self._last_step))

    def needs(self, epoch: int) -> Literal["nothing", "current", "layers"]:
        return "current" if self._step(epoch) else "nothing"

    def needs_epoch_end(self, epoch: int) -> bool:
        return self._step(epoch) > 0

    def _step(self, epoch: int) -> int:
        """Step of the curriculum; 0 for random negatives."""
        return max(0, math.ceil((epoch - self.start_epoch) / self.step_epochs))

    @property
    def _last_step(self) -> int:
        """First step at which every negative is hard and the filter's limit has stopped growing."""
        if self.growth == 1:
            return self.count_max
        whole = math.ceil(math.log(self.start_divisor) / math.log(self.growth))
        return max(self.count_max, whole)

    def _relaxation(self, step: int) -> float:
        """The filter's limit as a share of the cohesion."""
        exponent = step * math.log(self.growth) - math.log(self.start_divisor)
        return math.exp(min(exponent, 0.0))

    def _refresh(self, epoch_end: Representations) -> None:
        """The epoch's pools ``[n_users, pool_size]``, -1 where there is none, and the cohesion."""
        world, rng = self._world, self._world.rng
        users, items = F.normalize(epoch_end.users), F.normalize(epoch_end.items)
        self._cohesion = cohesion(items[world.catalogue], self.n_clusters, rng)
        order = torch.randperm(len(world.catalogue), generator=rng, device=rng.device)
        ranked = world.catalogue[order[: self.n_ranked]]
        column = torch.full((len(items),), -1, device=ranked.device)
        column[ranked] = torch.arange(len(ranked), device=ranked.device)
        kept = torch.randperm(self.high - self.low, generator=rng, device=rng.device)
        pools = []
        for block in torch.arange(len(users), device=ranked.device).split(_BLOCK_USERS):
            scores = users[block] @ items[ranked].T
            rows, seen = world.seen.of(block)
            hit = column[seen] >= 0
            scores[rows[hit], column[seen[hit]]] = -torch.inf
            window = columns_by_rank(scores, self.low, self.high)[:, kept[: self.pool_size]]
            found = ranked[window].where(scores.gather(1, window) > -torch.inf, -1)
            pools.append(found.int())
        self._pool = torch.cat(pools)

    def _draw(
        self, users: Tensor, positives: Tensor, negatives: Tensor, now: Representations, step: int
    ) -> Tensor:
        """One of the most similar survivors of each user's pool; the random item without any."""
        rng = self._world.rng
        items = F.normalize(now.items)
        pool = self._pool[users].long()
        ids = pool.clamp(min=0)
        limit = self._relaxation(step) * self._cohesion
        false_negative = pair_scores(F.embedding(positives, items), items, ids) > limit
        # The user's length does not change the order.
        scores = pair_scores(F.embedding(users, now.users), items, ids)
        scores.masked_fill_(false_negative | (pool < 0), -torch.inf)
        best = scores.topk(self.n_top, dim=1)
        survivors = (best.values > -torch.inf).sum(dim=1)
        draw = torch.rand(len(users), generator=rng, device=rng.device) * survivors
        slot = best.indices.gather(1, draw.long()[:, None])
        return ids.gather(1, slot)[:, 0].where(survivors > 0, negatives)
