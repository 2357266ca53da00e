"""AHNS: negatives that are the harder, the weaker their positive is scored."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ccd.negative_source import NegativeSource
from ccd.negatives.base import ItemNegatives, Sampler, SamplerWorld, SamplingContext
from ccd.negatives.scores import pair_scores
from ccd.registry import component
from ccd.settings import FiniteFloat, PositiveFloat, PositiveInt


@component("sampler")
class AHNSSampler(Sampler):
    """Adaptive hardness: of random candidates the one with the score nearest to a target.

    Lai et al. 2024. The target ``beta / (s + alpha)^power`` falls with the current score ``s`` of
    the positive: a positive that is ranked low gets a hard negative, one that is ranked high an
    easy one, so that false negatives are met less often. Where ``s + alpha`` is not positive, as
    the paper leaves open, the candidate is the hardest, which is the target's limit.

    Args:
        world: Catalogue, positives and random stream.
        n_candidates: Unseen items drawn per triplet, M.
        alpha: Added to the positive's score.
        beta: Scale of the target; more makes harder negatives.
        power: How steeply the target falls, the paper's ``-(p + 1)``.
    """

    def __init__(
        self,
        world: SamplerWorld,
        *,
        n_candidates: PositiveInt = 32,
        alpha: FiniteFloat = 1.0,
        beta: PositiveFloat = 0.1,
        power: PositiveFloat = 1.0,
    ) -> None:
        self._world, self.n_candidates = world, n_candidates
        self.alpha, self.beta, self.power = alpha, beta, power

    def sample(
        self, users: Tensor, positives: Tensor, negatives: Tensor, context: SamplingContext
    ) -> ItemNegatives:
        now = context.current
        assert now is not None, "needs() asks for current representations"
        candidates = self._world.random.candidates(users, self.n_candidates, self._world.rng)
        queries = F.embedding(users, now.users)
        scores = pair_scores(queries, now.items, candidates)
        target = self._target(pair_scores(queries, now.items, positives[:, None]))
        # A target above all scores is nearest to the largest, and may be infinite.
        reached = torch.minimum(target, scores.amax(dim=1, keepdim=True))
        nearest = (scores - reached).abs().argmin(dim=1, keepdim=True)
        return ItemNegatives(candidates.gather(1, nearest)[:, 0])

    def source(self, epoch: int) -> NegativeSource:
        return NegativeSource.own(f"adapted to the positive, of {self.n_candidates}")

    def needs(self, epoch: int) -> Literal["nothing", "current", "layers"]:
        return "current"

    def _target(self, positive: Tensor) -> Tensor:
        """The score wanted of a negative, given that of its ``positive [batch, 1]``."""
        return self.beta * (positive + self.alpha).clamp(min=0).pow(-self.power)
