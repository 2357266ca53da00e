"""LATTICE: item-item graphs that are learned from the modalities (Zhang et al. 2021)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ccd.backbones.base import Backbone, Representations, Rows, Step
from ccd.backbones.fusion import Fusion
from ccd.backbones.initial import xavier_uniform
from ccd.backbones.lightgcn import convolution_layers, convolve, with_side
from ccd.backbones.norms import half_squared_norm
from ccd.backbones.world import World
from ccd.graphs.user_item import UserItemGraph
from ccd.graphs.weighted import (
    Edges,
    FixedItemGraph,
    WeightedItemGraph,
    mixed_edges,
    similarity_edges,
    weighted_knn,
)
from ccd.registry import component
from ccd.settings import Fraction, NonNegativeFloat, NonNegativeInt, PositiveInt


@component("backbone")
class LATTICE(Backbone):
    """Graph convolution plus an item graph that is learned anew from the modalities in each epoch.

    The item graph mixes the cosine graphs of the raw features with those of the projected ones. It
    is built in an epoch's first batch, whose gradient trains projections, features and modality
    weights; the other batches use it as it is, and inference builds one from the current weights.
    All graphs are edge lists, with the values and gradients of the dense form.

    DMA: the higher-order representation g is the item graph's output, rows of length 1. Every
    fusion site works: ``final`` mixes into g where it is added, ``ego`` propagates the mixture with
    g in the place of the ID embeddings, and ``ego_id`` that with the ID embeddings.

    Args:
        world: Interactions, features, sizes, engine and random stream.
        k: Neighbours per item and modality, the item itself included.
        n_layers: Layers over the user-item graph.
        n_item_layers: How many times the item graph is applied.
        original_share: Share of the raw features' graph in the mix, the paper's lambda.
        reg_weight: Weight of half the squared norms of the batch's final representations.

    Raises:
        ConfigError: ``k`` exceeds the number of items, or there are no features.
    """

    takes_fusion = True
    splits = True

    def __init__(
        self,
        world: World,
        *,
        k: PositiveInt = 10,
        n_layers: NonNegativeInt = 2,
        n_item_layers: PositiveInt = 1,
        original_share: Fraction = 0.9,
        reg_weight: NonNegativeFloat = 1e-5,
    ) -> None:
        super().__init__(world)
        world.require_features("LATTICE")
        self.k, self.n_layers, self.n_item_layers = k, n_layers, n_item_layers
        self.original_share, self.reg_weight = original_share, reg_weight
        self.engine = world.engine
        self._originals = weighted_knn(world.dataset, world.device, k=k, setting="LATTICE.k")
        self._missing = {
            name: torch.from_numpy(~np.any(features, axis=1))[:, None].to(world.device)
            for name, features in world.features.items()
        }
        self._epoch_graph: FixedItemGraph | None = None
        edges = world.users, world.items, world.n_users, world.n_items, world.engine
        self.graph = UserItemGraph(*edges, averaging=True)
        self.modality_weights = nn.Parameter(
            torch.full((len(self._originals),), 0.5, device=world.device)
        )
        xavier_uniform(self.user_embeddings, world.rng)
        xavier_uniform(self.item_embeddings, world.rng)

    def start_epoch(self, rng: torch.Generator, sample: Tensor | None = None) -> None:
        self._epoch_graph = None

    def higher_order(self, items: Tensor | None = None) -> Tensor:
        graph = self._item_graph()
        x: Tensor = self.item_embeddings
        for _ in range(self.n_item_layers):
            x = graph(x)
        return F.normalize(x if items is None else x.index_select(0, items), dim=1)

    def over_item_graph(self, table: Tensor) -> Tensor | None:
        return self._item_graph()(table)

    def forward(self, fusion: Fusion | None = None, rows: Rows | None = None) -> Representations:
        ego, side = self.fused(fusion, None if rows is None else rows.items)
        users, items, _ = convolve(self.graph, self.user_embeddings, ego, self.n_layers, rows)
        return Representations(users, items + side)

    def layered(self, fusion: Fusion | None = None) -> tuple[Representations, Tensor]:
        ego, side = self.fused(fusion, None)
        layers = convolution_layers(self.graph, self.user_embeddings, ego, self.n_layers)
        return with_side(layers, side)

    def own_loss(self, step: Step) -> Tensor | None:
        if not self.reg_weight:
            return None
        return self.reg_weight * half_squared_norm(step.users, step.positives, step.negatives)

    def _item_graph(self) -> WeightedItemGraph | FixedItemGraph:
        """The learned graph in inference and in an epoch's first batch, else what that one left."""
        if self.training and self._epoch_graph is not None:
            return self._epoch_graph
        graph = WeightedItemGraph(self._mixed_edges(), len(self.item_embeddings), self.engine)
        if self.training:
            self._epoch_graph = graph.detached()
        return graph

    def _mixed_edges(self) -> Edges:
        n_items = len(self.item_embeddings)
        learned = []
        for name, missing in self._missing.items():
            unit = F.normalize(self.projector.project(name), dim=1)
            learned.append(similarity_edges(unit.masked_fill(missing, 0.0), self.k))
        shares = self.modality_weights.softmax(dim=0)
        return mixed_edges(
            [
                mixed_edges(learned, shares).normalised(n_items),
                mixed_edges(list(self._originals.values()), shares),
            ],
            shares.new_tensor([1.0 - self.original_share, self.original_share]),
        )
