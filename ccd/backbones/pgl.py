"""PGL: training on a principal subgraph, inference on the whole graph (Yu et al. 2025)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ccd.backbones.base import Backbone, Representations, Rows, Step
from ccd.backbones.dropout import SeededDropout
from ccd.backbones.fusion import Fusion
from ccd.backbones.initial import xavier_uniform
from ccd.backbones.lightgcn import convolution_layers, convolve, with_side
from ccd.backbones.norms import unit_rows
from ccd.backbones.world import World
from ccd.graphs.item_knn import ItemGraphFactory
from ccd.graphs.propagation import propagate
from ccd.graphs.pruning import PrunedGraph, Pruning
from ccd.graphs.user_item import UserItemGraph
from ccd.losses.info_nce import info_nce
from ccd.registry import component
from ccd.settings import REQUIRED, NonNegativeFloat, NonNegativeInt, PositiveFloat, ProperFraction


@component("backbone")
class PGL(Backbone):
    """Features propagate over a principal subgraph of the interactions; all of them at inference.

    This is the paper's local-aware extraction: each epoch trains on interactions drawn with
    probability proportional to ``1/sqrt(d_u d_i)``. Items have no ID embeddings: their layer 0 is
    their projected features, scaled to length 1 and put side by side. Users have an embedding per
    modality, so that all representations have ``n_modalities dim`` numbers.

    Args:
        world: Interactions, features, sizes, engine and random stream.
        item_graph: The frozen item graph, over which the items' layer 0 passes to be added.
        pruning: Draws the epoch's subgraph.
        n_layers: Layers over the user-item graph.
        edge_dropout: Share of interactions that an epoch's subgraph lacks.
        contrast_weight: Weight of InfoNCE between two dropped-out views, the mean of that of users
            and that of their positive items.
        dropout: Share of a view's entries that are dropped.
        temperature: Temperature of InfoNCE.

    Raises:
        ConfigError: The data set has no features.
    """

    has_item_embeddings = False

    def __init__(
        self,
        world: World,
        *,
        item_graph: ItemGraphFactory = REQUIRED,
        pruning: Pruning = REQUIRED,
        n_layers: NonNegativeInt = 2,
        edge_dropout: ProperFraction = 0.7,
        contrast_weight: NonNegativeFloat = 0.01,
        dropout: ProperFraction = 0.1,
        temperature: PositiveFloat = 0.2,
    ) -> None:
        world.require_features("PGL")
        super().__init__(world)
        self.n_layers, self.contrast_weight = n_layers, contrast_weight
        self.temperature = temperature
        self.item_graph = item_graph(world.dataset, world.engine, world.device)
        full = UserItemGraph(world.users, world.items, world.n_users, world.n_items, world.engine)
        self.graph = PrunedGraph(full, pruning, edge_dropout)
        width = len(world.features) * world.dim
        self.user_embeddings = nn.Parameter(torch.empty(world.n_users, width, device=world.device))
        for of_one_modality in self.user_embeddings.split(world.dim, dim=1):
            xavier_uniform(of_one_modality, world.rng)
        self.dropout = SeededDropout(dropout, world.rng)

    def start_epoch(self, rng: torch.Generator, sample: Tensor | None = None) -> None:
        with torch.no_grad():
            self.graph.redraw(self.user_embeddings, self._features(), rng)

    def forward(self, fusion: Fusion | None = None, rows: Rows | None = None) -> Representations:
        ego = self._features()
        graph = self.graph.at(self.training)
        users, items, _ = convolve(graph, self.user_embeddings, ego, self.n_layers, rows)
        near = self.item_graph if rows is None else self.item_graph.at(rows.items)
        return Representations(users, items + propagate(near, ego))

    def layered(self, fusion: Fusion | None = None) -> tuple[Representations, Tensor]:
        ego = self._features()
        graph = self.graph.at(self.training)
        layers = convolution_layers(graph, self.user_embeddings, ego, self.n_layers)
        return with_side(layers, propagate(self.item_graph, ego))

    def own_loss(self, step: Step) -> Tensor | None:
        if not self.contrast_weight:
            return None
        contrasts = []
        for rows, ids in zip(
            step.output[:2], (step.index.users, step.index.positives), strict=True
        ):
            first, second = self.dropout(rows), self.dropout(rows)
            contrasts.append(info_nce(first, second, self.temperature, (ids, ids)))
        return self.contrast_weight * torch.stack(contrasts).mean()

    def _features(self) -> Tensor:
        """The items' layer 0 ``[n_items, n_modalities dim]``."""
        return unit_rows(self.projector()).flatten(start_dim=1)
