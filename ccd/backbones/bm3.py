"""BM3: bootstrapped multimodal representations without negatives (Zhou et al. 2023)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ccd.backbones.base import Backbone, Representations, Rows, Step
from ccd.backbones.dropout import SeededDropout
from ccd.backbones.fusion import Fusion
from ccd.backbones.initial import xavier_normal, xavier_uniform
from ccd.backbones.lightgcn import convolve
from ccd.backbones.norms import embedding_norm
from ccd.backbones.projector import linear
from ccd.backbones.world import World
from ccd.graphs.user_item import UserItemGraph
from ccd.registry import component
from ccd.settings import NonNegativeFloat, NonNegativeInt, ProperFraction


class Online(NamedTuple):
    """Representations before the predictor, in the rows of ``forward``.

    ``users [n, dim]``, ``items [m, dim]``, and ``norm``, a scalar: ``EmbNorm`` over all rows.
    """

    users: Tensor
    items: Tensor
    norm: Tensor


@component("backbone")
class BM3(Backbone):
    """Users, items and modalities predict one another's dropped-out views; no negatives.

    The representations are ``q(h_u)`` and ``q(h_i)`` with ``h_i = LightGCN_i + e_i``. What it
    offers DMA as ``g`` is that residual ``e_i``: its counterpart of the item-graph term that
    FREEDOM adds to the convolution.

    Args:
        world: Interactions, sizes, engine and random stream.
        n_layers: Layers over the user-item graph.
        dropout: Share of a target's entries that are dropped.
        reg_weight: Weight of the norms of all representations.
        contrastive_weight: Weight of the modality terms.

    Raises:
        ConfigError: The data set has no features.
    """

    takes_fusion = True
    trains_on_negatives = False

    def __init__(
        self,
        world: World,
        *,
        n_layers: NonNegativeInt = 1,
        dropout: ProperFraction = 0.3,
        reg_weight: NonNegativeFloat = 0.1,
        contrastive_weight: NonNegativeFloat = 2.0,
    ) -> None:
        world.require_features(type(self).__name__)
        super().__init__(world)
        self.n_layers, self.reg_weight = n_layers, reg_weight
        self.contrastive_weight = contrastive_weight
        self.full_graph = UserItemGraph(
            world.users, world.items, world.n_users, world.n_items, world.engine
        )
        xavier_uniform(self.user_embeddings, world.rng)
        xavier_uniform(self.item_embeddings, world.rng)
        self.predictor = glorot_linear(world.dim, world.dim, world)
        for layer in self.projector.maps.modules():
            if isinstance(layer, nn.Linear):
                xavier_normal(layer.weight, world.rng)
        self.dropout = SeededDropout(dropout, world.rng)

    def higher_order(self, items: Tensor | None = None) -> Tensor:
        ids: Tensor = self.item_embeddings
        return ids if items is None else ids.index_select(0, items)

    def forward(self, fusion: Fusion | None = None, rows: Rows | None = None) -> Representations:
        ego, side = self.fused(fusion, None)
        users, items = self.convolved(ego)
        items = items + side
        norm = embedding_norm(users, items)
        if rows is not None:
            users, items = users.index_select(0, rows.users), items.index_select(0, rows.items)
        online = Online(users, items, norm)
        return Representations(self.predictor(users), self.predictor(items), online)

    def convolved(self, ego: Tensor) -> tuple[Tensor, Tensor]:
        """Convolved users ``[n_users, dim]`` and items ``[n_items, dim]``."""
        # All rows, because the loss takes the norm of all.
        return convolve(self.full_graph, self.user_embeddings, ego, self.n_layers, None)[:2]

    def alignment_target(self, step: Step, items: Tensor) -> Tensor:
        """What a modality is aligned with: the positive items' view ``items [batch, dim]``."""
        return items

    def own_loss(self, step: Step) -> Tensor | None:
        online: Online = step.output.state
        user_view = self.view(F.embedding(step.index.users, online.users))
        item_view = self.view(F.embedding(step.index.positives, online.items))
        reconstruction = _distance(step.users, item_view) + _distance(step.positives, user_view)
        target = self.alignment_target(step, item_view)
        modality = []
        for name in self.projector.modalities:
            feature = self.projector.project(name, step.batch.positives)
            predicted = self.predictor(feature)
            modality.append(_distance(predicted, target))  # alignment between modalities
            modality.append(_distance(predicted, self.view(feature)))  # masking within one
        contrast = self.contrastive_weight * torch.stack(modality).sum()
        return reconstruction + self.reg_weight * online.norm + contrast

    def view(self, rows: Tensor) -> Tensor:
        """The target ``[n, dim]`` that others predict: dropped out, without gradient."""
        return self.dropout(rows.detach())


def glorot_linear(n_in: int, n_out: int, world: World) -> nn.Linear:
    """An affine map with Glorot's normal weights, from the world's stream."""
    layer = linear(n_in, n_out, world.rng, world.device)
    xavier_normal(layer.weight, world.rng)
    return layer


def _distance(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean cosine distance of rows."""
    return 1 - F.cosine_similarity(predicted, target, dim=-1).mean()
