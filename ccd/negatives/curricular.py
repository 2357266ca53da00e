"""CNS: a curriculum that samples ever harder negatives from the pools."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ccd.errors import ConfigError
from ccd.negatives.base import ItemNegatives, SamplerWorld, SamplingContext
from ccd.negatives.curricula import Curriculum
from ccd.negatives.from_pools import PoolSampler
from ccd.negatives.scores import one_of_top
from ccd.registry import component
from ccd.settings import REQUIRED, Flag, PositiveFraction


@component("sampler")
class CurricularSampler(PoolSampler):
    """CNS: draw among the candidates most similar to the positive item in the epoch's pool.

    Per batch a random share of the catalogue are the candidates of all its rows; per row those the
    user has seen are masked, the rest ranked by similarity to the positive in the pool that the
    curriculum names, and one of the top share drawn. With ``last_pool`` this is +NDI.

    Args:
        world: Catalogue, positives and random stream.
        curriculum: Which pool an epoch uses.
        candidate_fraction: Share of the catalogue that are candidates.
        candidate_replacement: Draw candidates with replacement, as the released code does.
        top_fraction: Share of the candidates among which the negative is drawn.
        similarity: ``dot`` product (long vectors win) or ``cosine``.
        first_epoch: ``random`` negatives in epoch 0, or a ``pool`` of the untrained model.
        final_source: Final representations as they are now (``current``) or as they were at the
            last ``epoch`` end, as pools are. The latter spares propagating to all items per step.

    Raises:
        ConfigError: There are no pools, or the shares leave less than one candidate.
    """

    def __init__(
        self,
        world: SamplerWorld,
        *,
        curriculum: Curriculum = REQUIRED,
        candidate_fraction: PositiveFraction = 0.1,
        candidate_replacement: Flag = False,
        top_fraction: PositiveFraction = 0.1,
        similarity: Literal["dot", "cosine"] = "dot",
        first_epoch: Literal["random", "pool"] = "random",
        final_source: Literal["current", "epoch"] = "epoch",
    ) -> None:
        super().__init__(world, curriculum, first_epoch=first_epoch, final_source=final_source)
        self.n_candidates = int(candidate_fraction * len(world.catalogue))
        self.n_top = int(top_fraction * self.n_candidates)
        if self.n_top < 1:
            raise ConfigError(
                f"CurricularSampler.candidate_fraction = {candidate_fraction} of "
                f"{len(world.catalogue)} items and top_fraction = {top_fraction} leave "
                f"{self.n_candidates} candidates and {self.n_top} to draw from",
                keys=("CurricularSampler.candidate_fraction", "CurricularSampler.top_fraction"),
                hint=f"their product must be at least {1 / len(world.catalogue):.2g}",
            )
        self.similarity = similarity
        self.candidate_replacement = candidate_replacement

    def sample(
        self, users: Tensor, positives: Tensor, negatives: Tensor, context: SamplingContext
    ) -> ItemNegatives:
        index = self._index(context.epoch)
        if index is None:  # both BPR terms see the random negative
            return ItemNegatives(negatives)
        table = self._table(index, context)
        anchors = F.embedding(positives, table)
        candidates = self._candidates()
        scores = self._scores(anchors, F.embedding(candidates, table))
        rows, items = self._world.seen.of(users)
        # Candidates are sorted, so repeats of one item are neighbours: mask the whole range.
        repeats = torch.bincount(candidates, minlength=len(table))
        first, repeats = (repeats.cumsum(0) - repeats)[items], repeats[items]
        for offset in range(int(repeats.max()) if len(items) else 0):
            hit = offset < repeats
            scores[rows[hit], first[hit] + offset] = -torch.inf
        return ItemNegatives(self._pick(scores, candidates.expand(len(users), -1), negatives))

    def _candidates(self) -> Tensor:
        """One set of candidates, in ascending order; int64 ``[n_candidates]``."""
        if not self.candidate_replacement:
            return self._world.draw_distinct(self.n_candidates)
        catalogue, rng = self._world.catalogue, self._world.rng
        index = torch.randint(
            len(catalogue), (self.n_candidates,), generator=rng, device=rng.device
        )
        return catalogue[index.sort().values]

    def _scores(self, anchors: Tensor, candidates: Tensor) -> Tensor:
        if self.similarity == "cosine":
            anchors, candidates = F.normalize(anchors, dim=-1), F.normalize(candidates, dim=-1)
        return anchors @ candidates.transpose(-1, -2)

    def _pick(self, scores: Tensor, candidates: Tensor, fallback: Tensor) -> Tensor:
        """One of the ``n_top`` best candidates per row; the fallback where it is a masked one."""
        slot, score = one_of_top(scores, self.n_top, self._world.rng)
        return candidates.gather(1, slot)[:, 0].where(score[:, 0] > -torch.inf, fallback)
