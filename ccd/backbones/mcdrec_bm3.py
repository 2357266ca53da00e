"""MCDRec on BM3: diffused items through an MLP, over a diffusion-guided graph (Ma et al. 2024)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ccd.backbones.base import Step
from ccd.backbones.bm3 import BM3, glorot_linear
from ccd.backbones.dropout import SeededDropout
from ccd.backbones.lightgcn import convolve
from ccd.backbones.world import World
from ccd.graphs.pruning import PrunedGraph, Pruning
from ccd.losses.bpr import bpr_loss
from ccd.registry import component
from ccd.settings import REQUIRED, NonNegativeFloat, NonNegativeInt, ProperFraction


@component("backbone")
class MCDRecBM3(BM3):
    """BM3 over a pruned graph whose items are an MLP of diffused IDs and modalities.

    The MCDRec that its authors released. It takes diffusion from an aligner (U-Net,
    ``ego_id_fusion``); MCDRec on FREEDOM is no class of its own, see ``gin/backbones/mcdrec.gin``.

    Args:
        world: Interactions, sizes, engine and random stream.
        pruning: Which interactions an epoch keeps.
        edge_dropout: Share of interactions pruned in each epoch.
        n_layers: Layers over the user-item graph.
        dropout: Share of a target's entries that are dropped.
        mlp_dropout: Dropout of the MLP's hidden layers.
        reg_weight: Weight of the norms of all representations.
        contrastive_weight: Weight of the modality terms.
        bpr_weight: Weight of BPR on the random negative: 0 in the released code, which computes
            and drops it.
    """

    def __init__(
        self,
        world: World,
        *,
        pruning: Pruning = REQUIRED,
        edge_dropout: ProperFraction = 0.1,
        n_layers: NonNegativeInt = 1,
        dropout: ProperFraction = 0.3,
        mlp_dropout: ProperFraction = 0.1,
        reg_weight: NonNegativeFloat = 0.1,
        contrastive_weight: NonNegativeFloat = 2.0,
        bpr_weight: NonNegativeFloat = 0.0,
    ) -> None:
        super().__init__(
            world,
            n_layers=n_layers,
            dropout=dropout,
            reg_weight=reg_weight,
            contrastive_weight=contrastive_weight,
        )
        self.bpr_weight = bpr_weight
        self.graph = PrunedGraph(self.full_graph, pruning, edge_dropout)
        n_inputs = 1 + len(self.projector.modalities)
        widths = [n_inputs * world.dim, 2 * world.dim, world.dim, world.dim]
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(widths):
            layers += [glorot_linear(n_in, n_out, world), nn.ReLU()]
            layers += [SeededDropout(mlp_dropout, world.rng)]
        self.mlp = nn.Sequential(*layers[:-2])

    def start_epoch(self, rng: torch.Generator, sample: Tensor | None = None) -> None:
        items = self.item_embeddings if sample is None else sample
        self.graph.redraw(self.user_embeddings, items, rng)

    def convolved(self, ego: Tensor) -> tuple[Tensor, Tensor]:
        features = self.projector()
        items = self.mlp(torch.cat([ego, features.flatten(1)], dim=1))
        graph = self.graph.at(self.training)
        return convolve(graph, self.user_embeddings, items, self.n_layers, None)[:2]

    def alignment_target(self, step: Step, items: Tensor) -> Tensor:
        return self.view(F.embedding(step.batch.positives, self.item_embeddings))

    def own_loss(self, step: Step) -> Tensor | None:
        loss = super().own_loss(step)
        if not self.bpr_weight or loss is None:
            return loss
        return loss + self.bpr_weight * bpr_loss(step.users, step.positives, step.negatives)
