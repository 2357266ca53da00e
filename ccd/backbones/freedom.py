"""FREEDOM: a frozen multimodal item graph beside a pruned user-item graph (Zhou and Shen 2023)."""

from __future__ import annotations

import torch
from torch import Tensor

from ccd.backbones.base import DMA_PATH, ID_PATH, Backbone, Representations, Rows, Step
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
    splits = True

    def __init__(
        self,
        world: World,
        *,
        item_graph: ItemGraphFactory = REQUIRED,
        pruning: Pruning = REQUIRED,
        n_layers: NonNegativeInt = 2,
        edge_dropout: ProperFraction = 0.5,
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

    def over_item_graph(self, table: Tensor) -> Tensor | None:
        return propagate(self.item_graph, table)

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

    def paths(self, fusion: Fusion | None = None) -> dict[str, Tensor] | None:
        users, ids = self.user_embeddings, self.item_embeddings
        parts = self.item_graph.by_modality(ids)
        graph = {f"item graph: {name}": part for name, part in parts.items()}
        if fusion is None:
            return {ID_PATH: self._convolved(users, ids), **graph}
        nobody, added = torch.zeros_like(users), fusion.added(ids)
        if fusion.site == "ego_id":
            convolved = self._convolved(users, fusion.kept(ids))
            return {ID_PATH: convolved, **graph, DMA_PATH: self._convolved(nobody, added)}
        kept = {name: fusion.kept(part) for name, part in graph.items()}
        if fusion.site == "final":
            return {ID_PATH: self._convolved(users, ids), **kept, DMA_PATH: added}
        through = {name: self._convolved(nobody, part) for name, part in kept.items()}
        return {
            ID_PATH: self._convolved(users, torch.zeros_like(ids)),
            **{name: graph[name] + part for name, part in through.items()},
            DMA_PATH: self._convolved(nobody, added),
        }

    def _convolved(self, users: Tensor, items: Tensor) -> Tensor:
        """What the whole user-item graph makes of the items; linear in both tables."""
        return convolve(self.graph.at(False), users, items, self.n_layers, None).items

    def own_loss(self, step: Step) -> Tensor | None:
        if not self.reg_weight:
            return None
        losses = []
        for name in self.projector.modalities:
            ids = (step.batch.positives, step.batch.negatives)
            positive, negative = (self.projector.project(name, i) for i in ids)
            losses.append(bpr_loss(step.users, positive, negative))
        return self.reg_weight * torch.stack(losses).sum()
