"""DNS: the hardest of a few random candidates."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ccd.errors import ConfigError
from ccd.negative_source import NegativeSource
from ccd.negatives.base import ItemNegatives, Sampler, SamplerWorld, SamplingContext
from ccd.negatives.scores import columns_by_rank, pair_scores
from ccd.registry import component
from ccd.settings import PositiveInt


@component("sampler")
class DNSSampler(Sampler):
    """Dynamic negative sampling: of random candidates one with the highest current scores.

    Zhang et al. 2013, in the form that is in common use: the original draws from the ranked list.
    With ``n_hardest`` above 1 it is DNS(M, N) of Shi et al. 2023: uniform among the N best.

    Args:
        world: Catalogue, positives and random stream.
        n_candidates: Unseen items drawn per triplet, M; more make harder negatives.
        n_hardest: Candidates with the highest scores, N, one of which is drawn; more make easier
            negatives.

    Raises:
        ConfigError: ``n_hardest`` exceeds ``n_candidates``.
    """

    def __init__(
        self, world: SamplerWorld, *, n_candidates: PositiveInt = 32, n_hardest: PositiveInt = 1
    ) -> None:
        if n_hardest > n_candidates:
            raise ConfigError(
                f"one of the {n_hardest} hardest candidates cannot be drawn, as there are "
                f"{n_candidates}",
                keys=("DNSSampler.n_hardest", "DNSSampler.n_candidates"),
                hint=f"set DNSSampler.n_hardest to at most {n_candidates}",
            )
        self._world, self.n_candidates, self.n_hardest = world, n_candidates, n_hardest

    def sample(
        self, users: Tensor, positives: Tensor, negatives: Tensor, context: SamplingContext
    ) -> ItemNegatives:
        now = context.current
        assert now is not None, "needs() asks for current representations"
        candidates = self._world.random.candidates(users, self.n_candidates, self._world.rng)
        scores = pair_scores(F.embedding(users, now.users), now.items, candidates)
        return ItemNegatives(candidates.gather(1, self._columns(scores))[:, 0])

    def source(self, epoch: int) -> NegativeSource:
        hardest = "hardest" if self.n_hardest == 1 else f"one of the {self.n_hardest} hardest"
        return NegativeSource.own(f"{hardest} of {self.n_candidates}")

    def needs(self, epoch: int) -> Literal["nothing", "current", "layers"]:
        return "current"

    def _columns(self, scores: Tensor) -> Tensor:
        """The chosen columns ``[batch, 1]`` of ``scores [batch, n_candidates]``."""
        if self.n_hardest == 1:
            return scores.argmax(dim=1, keepdim=True)
        hardest = columns_by_rank(scores, 0, self.n_hardest)
        rng = self._world.rng
        drawn = torch.randint(self.n_hardest, (len(scores), 1), generator=rng, device=scores.device)
        return hardest.gather(1, drawn)
