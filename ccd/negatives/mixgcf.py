"""MixGCF: negatives made up from the layers of several candidates and of the positive."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ccd.negative_source import NegativeSource
from ccd.negatives.base import MadeUpNegatives, Sampler, SamplerWorld, SamplingContext
from ccd.negatives.scores import pair_scores
from ccd.registry import component
from ccd.settings import Fraction, PositiveInt


@component("sampler")
class MixGCFSampler(Sampler):
    """MixGCF: mix the positive into each layer's hardest candidate, and pool over the layers.

    Huang et al. 2021, with mean pooling: layer l of the negative is ``a_l p_l + (1 - a_l) e_l`` of
    the candidate that is hardest in this layer, with a_l uniform per triplet and layer. The loss
    reaches the positive and the candidates through the mix. A backbone without layers has one.
    The source's L2 on layer 0 is left to the backbone's own regulariser, which sees the positive
    and the random negative.

    Args:
        world: Catalogue, positives and random stream.
        n_candidates: Unseen items drawn per triplet, M.
        positive_share: Upper end of a_l; 0 leaves the positive out.
    """

    def __init__(
        self,
        world: SamplerWorld,
        *,
        n_candidates: PositiveInt = 32,
        positive_share: Fraction = 1.0,
    ) -> None:
        self._world = world
        self.n_candidates, self.positive_share = n_candidates, positive_share

    def sample(
        self, users: Tensor, positives: Tensor, negatives: Tensor, context: SamplingContext
    ) -> MadeUpNegatives:
        now, layers, rng = context.current, context.layers, self._world.rng
        assert now is not None, "needs() asks for layers"
        assert layers is not None, "needs() asks for layers"
        n_layers, n_nodes, _ = layers.shape
        n_users = len(now.users)
        queries = F.embedding(users, now.users)
        candidates = self._world.random.candidates(users, self.n_candidates, rng)
        # The user's score of the mix is highest where that of the candidate is, whatever a_l is.
        hardest = torch.stack(
            [pair_scores(queries, layer[n_users:], candidates).argmax(1) for layer in layers]
        )
        items = candidates.T.gather(0, hardest)
        # One gather: each costs a zero-filled gradient table in the backward pass.
        nodes = torch.cat([positives.expand_as(items), items], dim=1) + n_users
        first = torch.arange(0, n_layers * n_nodes, n_nodes, device=nodes.device)[:, None]
        positive, negative = F.embedding(nodes + first, layers.flatten(0, 1)).chunk(2, dim=1)
        share = torch.rand(n_layers, len(users), 1, generator=rng, device=rng.device)
        mixed = torch.lerp(negative, positive, share * self.positive_share)
        return MadeUpNegatives(mixed.mean(dim=0))

    def source(self, epoch: int) -> NegativeSource:
        return NegativeSource.own(f"mix of {self.n_candidates}")

    def needs(self, epoch: int) -> Literal["nothing", "current", "layers"]:
        return "layers"
