"""After FMCNS: items like what is generated for the user, and like the positive."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ccd.diffusion.estimators import EstimatorFactory
from ccd.diffusion.process import DiffusionFactory
from ccd.negative_source import NegativeSource
from ccd.negatives.base import ItemNegatives, SamplerWorld, SamplingContext
from ccd.negatives.generating import GeneratingSampler
from ccd.negatives.scores import one_of_top
from ccd.registry import component
from ccd.settings import REQUIRED, PositiveFloat, PositiveFraction, PositiveInt


@component("sampler")
class FMCNSSampler(GeneratingSampler):
    """One of the candidates most like a mix of the positive and of what the user would like.

    After FMCNS (2025), which generates by flow matching, here by the diffusion of DMNS. Of a
    positive that is popular the representation is well trained, and it is most of the query; of a
    rare one the query is mostly what the diffusion generates for the user. The positive's share is
    ``log(1 + count) / log(1 + the largest count)``: which way the gate turns and this form of it
    are decided here. Candidates are drawn once for a batch; those that the user has seen are left
    out.

    Args:
        world: Catalogue, positives, popularity and random stream.
        diffusion: Noise process; its schedule should end in noise alone.
        estimator: Estimates items from noise and the user.
        candidate_fraction: Share of the catalogue that are candidates.
        max_candidates: How many there are at most.
        n_hardest: Candidates nearest to the query, by dot product, one of which is drawn.
        learning_rate: That of the estimator.
    """

    def __init__(
        self,
        world: SamplerWorld,
        *,
        diffusion: DiffusionFactory = REQUIRED,
        estimator: EstimatorFactory = REQUIRED,
        candidate_fraction: PositiveFraction = 0.15,
        max_candidates: PositiveInt = 1000,
        n_hardest: PositiveInt = 10,
        learning_rate: PositiveFloat = 1e-3,
    ) -> None:
        super().__init__(world, diffusion, estimator, learning_rate)
        share = math.ceil(candidate_fraction * len(world.catalogue))
        self.n_candidates = min(max_candidates, share)
        self.n_hardest = min(n_hardest, self.n_candidates)
        popularity = world.counts.float().log1p()
        self._own_share = (popularity / popularity.max())[:, None]

    def sample(
        self, users: Tensor, positives: Tensor, negatives: Tensor, context: SamplingContext
    ) -> ItemNegatives:
        now, rng = context.current, self._world.rng
        assert now is not None, "needs() asks for current representations"
        generator, wishes, liked = self._taught(users, positives, context)
        steps = generator.diffusion.steps
        made = generator.generate(wishes, liked, [steps], rng)[steps]
        queries = self._queries(positives, liked, made)
        ids = self._world.draw_distinct(self.n_candidates)
        scores = queries @ F.embedding(ids, now.items).T + self._world.unseen(users, ids)
        column, score = one_of_top(scores, self.n_hardest, rng)
        return ItemNegatives(ids[column[:, 0]].where(score[:, 0] > -torch.inf, negatives))

    def source(self, epoch: int) -> NegativeSource:
        return NegativeSource.own("like what is generated and the positive")

    def _queries(self, positives: Tensor, liked: Tensor, made: Tensor) -> Tensor:
        """What the negatives shall be like ``[batch, dim]``.

        Args:
            positives: Positive items ``[batch]``.
            liked: Their representations ``[batch, dim]``.
            made: What was generated for their users ``[batch, dim]``.
        """
        return torch.lerp(made, liked, self._own_share[positives])
