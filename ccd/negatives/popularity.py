"""Popularity-proportional random negatives."""

from __future__ import annotations

from torch import Tensor

from ccd.negative_source import NegativeSource
from ccd.negatives.base import (
    ItemNegatives,
    RandomNegatives,
    Sampler,
    SamplerWorld,
    SamplingContext,
)
from ccd.registry import component
from ccd.settings import NonNegativeFloat


@component("sampler")
class PopularitySampler(Sampler):
    """Random items with probability proportional to a power of their popularity.

    The noise distribution of word2vec (Mikolov et al. 2013), as recommenders use it.

    Args:
        world: Catalogue, popularity and random stream.
        exponent: Power of an item's number of training interactions, alpha; 0 is uniform.
    """

    def __init__(self, world: SamplerWorld, *, exponent: NonNegativeFloat = 0.75) -> None:
        weights = world.counts[world.catalogue].double() ** exponent
        self._random = RandomNegatives(world.seen, world.catalogue, weights=weights)
        self._rng = world.rng

    def sample(
        self, users: Tensor, positives: Tensor, negatives: Tensor, context: SamplingContext
    ) -> ItemNegatives:
        return ItemNegatives(self._random.draw(users, self._rng))

    def source(self, epoch: int) -> NegativeSource:
        return NegativeSource.own("popular")
