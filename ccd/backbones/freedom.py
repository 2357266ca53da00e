"""FREEDOM: a frozen multimodal item graph beside a pruned user-item graph (Zhou and Shen 2023)."""

from __future__ import annotations

import torch
from torch import Tensor

from ccd.backbones.base import Backbone, Representations, Rows, Step
from ccd.backbones.fusion import Fusion
from ccd.backbones.initial import xavier_uniform
from ccd.backbones.lightgcn import convolution_layers, convolve, with_side
from ccd.backbones.world import World
from ccd.graphs.item_knn import ItemGraphFactory
from ccd.graphs.propagation import propagate
from ccd.graphs.pruning import PrunedGraph, Pruning
from ccd.graphs.user_item import UserItemGraph
from ccd.losses.bpr import bpr_loss
from ccd.registry import component
from ccd.settings import REQUIRED, NonNegativeFloat, NonNegativeInt, ProperFraction


@component("backbone")
class FREEDOM(Backbone):
    """LightGCN over pruned interactions plus a frozen item-item graph of the raw features.

    Args:
        world: Interactions, sizes, engine and random stream.
        item_graph: The frozen item graph.
        pruning: Which interactions an epoch keeps.
        n_layers: Layers over the user-item graph.
        edge_dropout: Share of interactions pruned in each epoch.
        reg_weight: Weight of the modality loss: BPR of users against projected features.
    """

    takes_fusion = True

    def __init__(
        self,
        world: World,
        *,
        item_graph: ItemGraphFactory = REQUIRED,
        pruning: Pruning = REQUIRED,
        n_layers: NonNegativeInt = 2,
        edge_dropout: ProperFraction = 0.8,
        reg_weight: NonNegativeFloat = 0.0,
    ) -> None:
        super().__init__(world)
        world.require_features("FREEDOM")
        self.n_layers, self.reg_weight = n_layers, reg_weight
        self.item_graph = item_graph(world.dataset, world.engine, world.device)
        full = UserItemGraph(world.users, world.items, world.n_users, world.n_items, world.engine)
        self.graph = PrunedGraph(full, pruning, edge_dropout)
        xavier_uniform(self.user_embeddings, world.rng)
        xavier_uniform(self.item_embeddings, world.rng)

    def start_epoch(self, rng: torch.Generator, sample: Tensor | None = None) -> None:
        items = self.item_embeddings if sample is None else sample
        self.graph.redraw(self.user_embeddings, items, rng)

    def higher_order(self, items: Tensor | None = None) -> Tensor:
        graph = self.item_graph if items is None else self.item_graph.at(items)
        return propagate(graph, self.item_embeddings)

    def forward(self, fusion: Fusion | None = None, rows: Rows | None = None) -> Representations:
        ego, side = self.fused(fusion, None if rows is None else rows.items)
        graph = self.graph.at(self.training)
        users, items, _ = convolve(graph, self.user_embeddings, ego, self.n_layers, rows)
        return Representations(users, items + side)

    def layered(self, fusion: Fusion | None = None) -> tuple[Representations, Tensor]:
        ego, side = self.fused(fusion, None)
        graph = self.graph.at(self.training)
        layers = convolution_layers(graph, self.user_embeddings, ego, self.n_layers)
        return with_side(layers, side)

    def own_loss(self, step: Step) -> Tensor | None:
        if not self.reg_weight:
            return None
        losses = []
        for name in self.projector.modalities:
            ids = (step.batch.positives, step.batch.negatives)
            positive, negative = (self.projector.project(name, i) for i in ids)
            losses.append(bpr_loss(step.users, positive, negative))
        return self.reg_weight * torch.stack(losses).sum()
