"""SRNS: negatives that score high now and varied over the last epochs."""

from __future__ import annotations

from collections import deque
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ccd.backbones.base import Representations
from ccd.errors import ConfigError
from ccd.negative_source import NegativeSource
from ccd.negatives.base import ItemNegatives, Sampler, SamplerWorld, SamplingContext
from ccd.negatives.scores import columns_by_rank, pair_scores
from ccd.registry import component
from ccd.settings import FiniteFloat, PositiveFloat, PositiveInt
from ccd.state import State


@component("sampler")
class SRNSSampler(Sampler):
    """SRNS: of each user's memory of items the one whose score is high and varies.

    Ding et al. 2020: a false negative scores high and steadily, a hard true one varies. Per triplet
    the item k of the memory with the highest ``q_k + weight std(q_k)`` is taken, where q_k =
    sigmoid(s_uk - s_up), and std is over the representations at the ends of the last epochs. Each
    step adds fresh random items to its users' memories and keeps some, higher scores more likely.
    The memory holds item ids: the released code holds positions in a list redrawn every epoch.

    Args:
        world: Catalogue, positives and random stream.
        memory_size: Items that each user's memory holds, S1.
        ratio: Fresh items per step, in multiples of ``memory_size``. 1 is the released code's
            default; its published run has 8, which more than doubles the time.
        variance_weight: Weight of the standard deviation, alpha; negative ranks by it alone.
        warmup: Epochs in which this weight grows from 0.
        temperature: Divides the scores that decide what the memory keeps, tau.
        snapshots: Ends of epochs over which the standard deviation is taken.

    Raises:
        ConfigError: The memory and what is added to it exceed the catalogue.
    """

    def __init__(
        self,
        world: SamplerWorld,
        *,
        memory_size: PositiveInt = 8,
        ratio: PositiveInt = 1,
        variance_weight: FiniteFloat = 5.0,
        warmup: PositiveInt = 50,
        temperature: PositiveFloat = 10.0,
        snapshots: PositiveInt = 5,
    ) -> None:
        most = len(world.catalogue) // (1 + ratio)
        if memory_size > most:
            raise ConfigError(
                f"SRNSSampler.memory_size = {memory_size} and as many fresh items times ratio = "
                f"{ratio} exceed the {len(world.catalogue)} items of the catalogue",
                keys=("SRNSSampler.memory_size", "SRNSSampler.ratio"),
                hint=f"the largest legal memory_size is {most}",
            )
        self._world = world
        self.memory_size, self.n_fresh = memory_size, memory_size * ratio
        self.variance_weight, self.warmup, self.temperature = variance_weight, warmup, temperature
        self._snapshots: deque[Representations] = deque(maxlen=snapshots)
        everyone = torch.arange(len(world.seen.counts), device=world.catalogue.device)
        self._memory = world.random.candidates(everyone, memory_size, world.rng)

    def sample(
        self, users: Tensor, positives: Tensor, negatives: Tensor, context: SamplingContext
    ) -> ItemNegatives:
        now = context.current
        assert now is not None, "needs() asks for current representations"
        memory = self._memory.index_select(0, users)
        self._renew(torch.unique(users), now)
        value, weight = _likeness(now, users, positives, memory), self._weight(context.epoch)
        if weight and self._snapshots:
            past = torch.stack([_likeness(p, users, positives, memory) for p in self._snapshots])
            # Tensor.std takes forty times as long over the first dimension.
            spread = (past - past.mean(dim=0)).square_().mean(dim=0).sqrt_()
            value = spread if weight < 0 else value + weight * spread
        return ItemNegatives(memory.gather(1, value.argmax(dim=1, keepdim=True))[:, 0])

    def observe(self, epoch_end: Representations) -> None:
        self._snapshots.append(epoch_end)

    def state(self) -> State:
        return {"memory": self._memory, "snapshots": [[s.users, s.items] for s in self._snapshots]}

    def load_state(self, state: State) -> None:
        self._memory.copy_(state["memory"])
        self._snapshots.clear()
        self._snapshots.extend(Representations(*tables) for tables in state["snapshots"])

    def source(self, epoch: int) -> NegativeSource:
        weight = self._weight(epoch)
        if weight < 0:
            return NegativeSource.own("std")
        stage = min(epoch, self.warmup) if self.variance_weight else 0
        return NegativeSource.own(f"score + {weight:.3g} std", stage=stage)

    def needs(self, epoch: int) -> Literal["nothing", "current", "layers"]:
        return "current"

    def _weight(self, epoch: int) -> float:
        if self.variance_weight < 0:
            return self.variance_weight
        return self.variance_weight * min(1.0, epoch / self.warmup)

    def _renew(self, owners: Tensor, now: Representations) -> None:
        """Add fresh items to the memories of the distinct ``owners [n]`` and keep some of all."""
        world = self._world
        fresh = world.random.candidates(owners, self.n_fresh, world.rng)
        pool = torch.cat([self._memory.index_select(0, owners), fresh], dim=1)
        scores = pair_scores(F.embedding(owners, now.users), now.items, pool)
        self._memory[owners] = pool.gather(1, self._kept(scores))

    def _kept(self, scores: Tensor) -> Tensor:
        """Columns kept without replacement, likely as the softmax of ``scores``."""
        # The largest of score plus Gumbel noise are such a draw.
        rng = self._world.rng
        gumbel = torch.rand(scores.shape, generator=rng, device=rng.device).log_().neg_().log_()
        race = scores / self.temperature - gumbel
        return columns_by_rank(race, 0, self.memory_size)


def _likeness(at: Representations, users: Tensor, positives: Tensor, items: Tensor) -> Tensor:
    """q: how likely each user is to prefer ``items [batch, n]`` to its positive; ``[batch, n]``."""
    ids = torch.cat([items, positives[:, None]], dim=1)
    scores = pair_scores(F.embedding(users, at.users), at.items, ids)
    return torch.sigmoid(scores[:, :-1] - scores[:, -1:])
