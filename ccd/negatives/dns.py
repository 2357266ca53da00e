"""DNS: the hardest of a few random candidates."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional as F

from ccd.negative_source import NegativeSource
from ccd.negatives.base import ItemNegatives, Sampler, SamplerWorld, SamplingContext
from ccd.negatives.scores import pair_scores
from ccd.registry import component
from ccd.settings import PositiveInt


@component("sampler")
class DNSSampler(Sampler):
    """Dynamic negative sampling: of random candidates the one with the highest current score.

    Zhang et al. 2013, in the form that is in common use: the original draws from the ranked list.

    Args:
        world: Catalogue, positives and random stream.
        n_candidates: Unseen items drawn per triplet, M; more make harder negatives.
    """

    def __init__(self, world: SamplerWorld, *, n_candidates: PositiveInt = 32) -> None:
        self._world, self.n_candidates = world, n_candidates

    def sample(
        self, users: Tensor, positives: Tensor, negatives: Tensor, context: SamplingContext
    ) -> ItemNegatives:
        now = context.current
        assert now is not None, "needs() asks for current representations"
        candidates = self._world.random.candidates(users, self.n_candidates, self._world.rng)
        scores = pair_scores(F.embedding(users, now.users), now.items, candidates)
        return ItemNegatives(candidates.gather(1, scores.argmax(dim=1, keepdim=True))[:, 0])

    def source(self, epoch: int) -> NegativeSource:
        return NegativeSource.own(f"hardest of {self.n_candidates}")

    def needs(self, epoch: int) -> Literal["nothing", "current", "layers"]:
        return "current"
