"""SMORE: views of features with filtered spectra, one of all modalities (Ong and Khong 2025)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ccd.backbones.base import Step
from ccd.backbones.dropout import SeededDropout
from ccd.backbones.projector import linear
from ccd.backbones.purified import PurifiedViews, maps_per_view
from ccd.backbones.world import World
from ccd.graphs.weighted import largest_edges, weighted_knn
from ccd.registry import component
from ccd.settings import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ProperFraction,
)

_FUSED = "all modalities"
"""The view of all modalities; no modality, which is named by a file, has a space in its name."""


@component("backbone")
class SMORE(PurifiedViews):
    """MGCN's views of features that a learned filter of their spectrum has denoised.

    Features are projected and multiplied by a filter in the frequency domain. One more view is that
    of all modalities: their spectra's product, filtered, on the graph that has every edge of the
    modalities' item graphs at its largest weight. This view weighs the others' dimensions, and the
    behaviour view says how much each of them counts; the side term is their mean.

    DMA: as for MGCN.

    Args:
        world: Interactions, features, sizes, engine and random stream.
        k: Neighbours per item and modality, the item itself included.
        n_layers: Layers over the user-item graph.
        n_item_layers: How many times an item graph is applied.
        dropout: Share of the preferences' entries that are dropped.
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
        n_layers: NonNegativeInt = 3,
        n_item_layers: PositiveInt = 1,
        dropout: ProperFraction = 0.0,
        reg_weight: NonNegativeFloat = 1e-4,
        contrast_weight: NonNegativeFloat = 1e-2,
        temperature: PositiveFloat = 0.2,
    ) -> None:
        world.require_features("SMORE")
        edges = weighted_knn(world.dataset, world.device, k=k, setting="SMORE.k")
        edges[_FUSED] = largest_edges(list(edges.values()), world.n_items)
        super().__init__(world, edges, n_layers=n_layers, n_item_layers=n_item_layers)
        self.reg_weight, self.contrast_weight = reg_weight, contrast_weight
        self.temperature = temperature
        self.filters = nn.ParameterDict({name: _filter(world) for name in edges})
        self.preferences = maps_per_view(self, world)

        def square(bias: bool) -> nn.Linear:
            return linear(world.dim, world.dim, world.rng, world.device, bias=bias)

        modalities = self.projector.modalities
        self.keys = nn.ModuleDict({name: square(True) for name in modalities})
        self.queries = nn.ModuleDict({name: square(False) for name in modalities})
        self.dropout = SeededDropout(dropout, world.rng)

    def own_loss(self, step: Step) -> Tensor | None:
        weights = self.reg_weight, self.contrast_weight
        losses = self._side_losses(step, *weights, self.temperature)
        return torch.stack(losses).sum() if losses else None

    def _contents(self) -> dict[str, Tensor]:
        features = {name: self.projector.project(name) for name in self.projector.modalities}
        spectra = {name: torch.fft.rfft(x, norm="ortho") for name, x in features.items()}
        spectra[_FUSED] = torch.stack(list(spectra.values())).prod(dim=0)
        dim = self.item_embeddings.shape[1]
        return {
            name: torch.fft.irfft(x * torch.view_as_complex(self.filters[name]), dim, norm="ortho")
            for name, x in spectra.items()
        }

    def _fused(self, views: Tensor, behaviour: Tensor) -> Tensor:
        *of_modalities, fused = views
        parts = [
            self.queries[name](self.keys[name](fused).tanh()).softmax(dim=1) * view
            for name, view in zip(self.projector.modalities, of_modalities, strict=True)
        ]
        preferences = [prefer(behaviour).sigmoid() for prefer in self.preferences.values()]
        wanted = self.dropout(torch.stack(preferences))
        return (wanted * torch.stack([*parts, fused])).mean(dim=0)


def _filter(world: World) -> nn.Parameter:
    """A filter of half a spectrum, real and imaginary parts ``[dim // 2 + 1, 2]``."""
    drawn = torch.empty(world.dim // 2 + 1, 2, device=world.device)
    return nn.Parameter(drawn.normal_(generator=world.rng))
