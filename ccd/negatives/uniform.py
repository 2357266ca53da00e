"""A second uniform random negative."""

from __future__ import annotations

from torch import Tensor

from ccd.negative_source import NegativeSource
from ccd.negatives.base import ItemNegatives, Sampler, SamplerWorld, SamplingContext
from ccd.registry import component


@component("sampler")
class UniformSampler(Sampler):
    """Uniform random items: with it both BPR terms of Eq. 9 see random negatives.

    The paper runs its baselines with two random negatives; this is that. LossMix weighs them by
    ``1 - hard_weight`` and ``hard_weight``, as it does a random and a hard one.

    Args:
        world: Catalogue and random stream.
    """

    def __init__(self, world: SamplerWorld) -> None:
        self._world = world

    def sample(
        self, users: Tensor, positives: Tensor, negatives: Tensor, context: SamplingContext
    ) -> ItemNegatives:
        return ItemNegatives(self._world.random.draw(users, self._world.rng))

    def source(self, epoch: int) -> NegativeSource:
        return NegativeSource.random()
