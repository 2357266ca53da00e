"""GUME: MGCN on a graph with item edges, and a second modality view of users (Lin et al. 2024)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ccd.backbones.base import Rows, Step
from ccd.backbones.initial import xavier_uniform
from ccd.backbones.lightgcn import convolve
from ccd.backbones.mgcn import MGCN
from ccd.backbones.norms import half_squared_norm
from ccd.backbones.two_terms import State
from ccd.backbones.world import World
from ccd.graphs.user_item import UserItemGraph
from ccd.graphs.weighted import Edges
from ccd.losses.info_nce import info_nce
from ccd.registry import component
from ccd.settings import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt


@component("backbone")
class GUME(MGCN):
    """MGCN over interactions and edges between items that are alike in every modality.

    Such items are among each other's nearest in all modalities; their edges help items with few
    interactions. In training, the modality views are also convolved, together with embeddings of
    the users' own, to an extended view that must agree with the users' side term.

    The paper has such embeddings and a convolution for each modality and averages the results. As
    convolution is linear, that is one convolution of the averages, and one table of users stands
    for their average. Means and variances are aligned over the batch's triplets.

    DMA: as for MGCN.

    Args:
        world: Interactions, features, sizes, engine and random stream.
        k: Neighbours per item and modality, the item itself included.
        n_layers: Layers over the graph of users and items.
        n_item_layers: How many times an item graph is applied.
        reg_weight: Weight of half the squared norms of the batch's final representations.
        contrast_weight: Weight of InfoNCE between side and behaviour, of items and of users.
        temperature: Temperature of that InfoNCE.
        alignment_weight: Weight of the absolute differences between the modalities' means and
            variances.
        user_weight: Weight of InfoNCE of the users' extended view against their side term, and of
            either against itself under noise.
        user_temperature: Temperature of that InfoNCE.
        noise: Length of the noise, which has each entry's sign.
        extended_reg_weight: Weight of half the squared norms of the positive items' extended view.

    Raises:
        ConfigError: ``k`` exceeds the number of items, or there are no features.
    """

    def __init__(
        self,
        world: World,
        *,
        k: PositiveInt = 10,
        n_layers: NonNegativeInt = 2,
        n_item_layers: PositiveInt = 1,
        reg_weight: NonNegativeFloat = 1e-4,
        contrast_weight: NonNegativeFloat = 1e-2,
        temperature: PositiveFloat = 0.2,
        alignment_weight: NonNegativeFloat = 1e-2,
        user_weight: NonNegativeFloat = 1e-2,
        user_temperature: PositiveFloat = 0.2,
        noise: NonNegativeFloat = 0.1,
        extended_reg_weight: NonNegativeFloat = 1e-4,
    ) -> None:
        super().__init__(
            world,
            k=k,
            n_layers=n_layers,
            n_item_layers=n_item_layers,
            reg_weight=reg_weight,
            contrast_weight=contrast_weight,
            temperature=temperature,
        )
        self.alignment_weight, self.user_weight = alignment_weight, user_weight
        self.user_temperature, self.noise = user_temperature, noise
        self.extended_reg_weight = extended_reg_weight
        self.extended_users = nn.Parameter(torch.empty_like(self.user_embeddings))
        xavier_uniform(self.extended_users, world.rng)
        self._rng = world.rng

    def _graph(self, world: World, edges: Mapping[str, Edges]) -> UserItemGraph:
        common = common_edges(list(edges.values()), world.n_items)
        sizes = world.n_users, world.n_items
        return UserItemGraph(world.users, world.items, *sizes, world.engine, item_edges=common)

    @property
    def tables_of_users(self) -> tuple[str, ...]:
        return (*super().tables_of_users, "extended_users")

    def own_loss(self, step: Step) -> Tensor | None:
        of_mgcn = super().own_loss(step)
        losses = [] if of_mgcn is None else [of_mgcn]
        state: State = step.output.state
        if self.alignment_weight:
            losses.append(self.alignment_weight * _aligned(state, step))
        if self.user_weight or self.extended_reg_weight:
            losses += self._extended_losses(state, step)
        return torch.stack(losses).sum() if losses else None

    def _extended_losses(self, state: State, step: Step) -> list[Tensor]:
        """The weighted losses of the extended view."""
        of_users, user = torch.unique(step.batch.users, return_inverse=True)
        of_items, item = torch.unique(step.batch.positives, return_inverse=True)
        items = torch.stack(state.every.chunk(len(self.item_graphs), dim=1)).mean(dim=0)
        rows = Rows(of_users, of_items)
        extended = convolve(self.graph, self.extended_users, items, self.n_layers, rows)
        losses = []
        if self.extended_reg_weight:
            norm = half_squared_norm(F.embedding(item, extended.items))
            losses.append(self.extended_reg_weight * norm)
        if self.user_weight:
            temperature, side, own = self.user_temperature, state.users.side, step.index.users
            terms = [
                info_nce(extended.users, side, temperature, (user, own)),
                info_nce(self._noisy(side), self._noisy(side), temperature, (own, own)),
                info_nce(
                    self._noisy(extended.users),
                    self._noisy(extended.users),
                    temperature,
                    (user, user),
                ),
            ]
            losses.append(self.user_weight * torch.stack(terms).sum())
        return losses

    def _noisy(self, x: Tensor) -> Tensor:
        """``x [n, dim]`` with noise of the given length, away from 0 in each entry."""
        drawn = torch.empty_like(x).uniform_(generator=self._rng)
        return x + x.sign() * F.normalize(drawn, dim=1) * self.noise


def common_edges(graphs: Sequence[Edges], n_items: int) -> tuple[Tensor, Tensor]:
    """Sources and targets ``[n]`` of the edges that all ``graphs`` have, but for loops."""
    first, *others = (edges.target * n_items + edges.source for edges in graphs)
    for other in others:
        first = first[torch.isin(first, other)]
    source, target = first % n_items, first // n_items
    return source[source != target], target[source != target]


def _aligned(state: State, step: Step) -> Tensor:
    """How far the modality views of users and positive items differ in mean and variance."""
    ids = (step.index.users, step.index.positives)
    views = torch.cat(
        [terms.views.index_select(1, i) for terms, i in zip(state[:2], ids, strict=True)], dim=1
    )
    moments = [(view.mean(), view.var()) for view in views]
    gaps = [
        (a - b).abs()
        for one, other in combinations(moments, 2)
        for a, b in zip(one, other, strict=True)
    ]
    # The mean over pairs of modalities, each of which has two gaps; none where there is one alone.
    return torch.stack(gaps).mean() * 2 if gaps else views.new_zeros(())
