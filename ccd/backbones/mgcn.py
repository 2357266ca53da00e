"""MGCN: modality views purified by behaviour (Yu et al. 2023)."""

from __future__ import annotations

import torch
from torch import Tensor

from ccd.backbones.base import Step
from ccd.backbones.purified import AttendedViews, maps_per_view
from ccd.backbones.world import World
from ccd.graphs.weighted import weighted_knn
from ccd.registry import component
from ccd.settings import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt


@component("backbone")
class MGCN(AttendedViews):
    """Graph convolution plus a side term fused from modality views that behaviour has purified.

    A modality's features gate the items' ID embeddings, the result passes over the modality's item
    graph and on to the users. The views' attention-weighted sum is what they have in common; what
    sets each apart counts as far as the behaviour view prefers it.

    DMA: the higher-order representation g is the items' fused side term, which is added to the
    behaviour view. Where a fusion site changes what propagates (``ego``, ``ego_id``), the behaviour
    view is convolved anew from that; preferences are those of the ID embeddings' view.

    Args:
        world: Interactions, features, sizes, engine and random stream.
        k: Neighbours per item and modality, the item itself included.
        n_layers: Layers over the user-item graph.
        n_item_layers: How many times an item graph is applied.
        reg_weight: Weight of half the squared norms of the batch's final representations.
        contrast_weight: Weight of InfoNCE between side and behaviour, of items and of users.
        temperature: Temperature of InfoNCE.

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
    ) -> None:
        name = type(self).__name__
        world.require_features(name)
        edges = weighted_knn(world.dataset, world.device, k=k, setting=f"{name}.k")
        super().__init__(world, edges, n_layers=n_layers, n_item_layers=n_item_layers)
        self.reg_weight, self.contrast_weight = reg_weight, contrast_weight
        self.temperature = temperature
        self.preferences = maps_per_view(self, world)
        self._add_attention(world)

    def own_loss(self, step: Step) -> Tensor | None:
        weights = self.reg_weight, self.contrast_weight
        losses = self._side_losses(step, *weights, self.temperature)
        return torch.stack(losses).sum() if losses else None

    def _fused(self, views: Tensor, behaviour: Tensor) -> Tensor:
        common = self._common(views)
        wanted = torch.stack([prefer(behaviour) for prefer in self.preferences.values()]).sigmoid()
        return ((wanted * (views - common)).sum(dim=0) + common) / (len(views) + 1)
