"""LightGCN: propagation of ID embeddings over the user-item graph."""

from __future__ import annotations

import torch
from torch import Tensor

from ccd.backbones.base import Backbone, Representations, Rows, Step
from ccd.backbones.bpr_mf import embedding_penalty
from ccd.backbones.fusion import Fusion
from ccd.backbones.initial import xavier_uniform
from ccd.backbones.world import World
from ccd.graphs.mean_convolution import MeanConvolution
from ccd.graphs.propagation import LinearOperator, propagate
from ccd.graphs.user_item import UserItemGraph
from ccd.registry import component
from ccd.settings import NonNegativeFloat, NonNegativeInt


@component("backbone")
class LightGCN(Backbone):
    """Mean of the layers of a linear graph convolution over the user-item graph (He et al. 2020).

    The higher-order representation that it offers DMA is its own items' convolution, so a fusion
    at the end replaces it and nothing is added.

    Args:
        world: Interactions, sizes, engine and random stream.
        n_layers: Graph convolution layers.
        reg_weight: Weight of the norms of the batch's ID embeddings.
    """

    takes_fusion, reads_features = True, False

    def __init__(
        self, world: World, *, n_layers: NonNegativeInt = 2, reg_weight: NonNegativeFloat = 1e-4
    ) -> None:
        super().__init__(world)
        self.n_layers, self.reg_weight = n_layers, reg_weight
        self.graph = UserItemGraph(
            world.users, world.items, world.n_users, world.n_items, world.engine
        )
        xavier_uniform(self.user_embeddings, world.rng)
        xavier_uniform(self.item_embeddings, world.rng)

    def forward(self, fusion: Fusion | None = None, rows: Rows | None = None) -> Representations:
        if fusion is None:
            return self._convolve(self.item_embeddings, rows)
        ego, side = self.fused(fusion, None if rows is None else rows.items)
        users, items, _ = self._convolve(ego, rows)
        return Representations(users, side if fusion.site == "final" else items)

    def higher_order(self, items: Tensor | None = None) -> Tensor:
        rows = None if items is None else Rows(items[:0], items)
        return self._convolve(self.item_embeddings, rows).items

    def layered(self, fusion: Fusion | None = None) -> tuple[Representations, Tensor]:
        ego, side = self.fused(fusion, None)
        layers = convolution_layers(self.graph, self.user_embeddings, ego, self.n_layers)
        output = mean_of_layers(layers, self.graph.n_users)
        if fusion is not None and fusion.site != "final":
            return output, layers
        # What the fusion changed joins every layer, so that their mean is the representation.
        change = torch.cat([torch.zeros_like(output.users), side - output.items])
        return Representations(output.users, side), layers + change

    @property
    def splits(self) -> bool:  # type: ignore[override]
        return not self.reg_weight  # the norm of a batch is not a sum over its triplets

    def own_loss(self, step: Step) -> Tensor | None:
        return embedding_penalty(self, step.batch, self.reg_weight)

    def _convolve(self, items: Tensor, rows: Rows | None) -> Representations:
        return convolve(self.graph, self.user_embeddings, items, self.n_layers, rows)


def convolve(
    graph: UserItemGraph, users: Tensor, items: Tensor, n_layers: int, rows: Rows | None
) -> Representations:
    """LightGCN's convolution of ``users [n_users, dim]`` and ``items [n_items, dim]``.

    Args:
        graph: The user-item graph.
        users: Layer 0 of the users.
        items: Layer 0 of the items.
        n_layers: Number of layers.
        rows: Which rows of the result are wanted; all where None.
    """
    table = propagate(MeanConvolution(graph, n_layers, rows), users, items)
    n_users = graph.n_users if rows is None else len(rows.users)
    return Representations(*table.split([n_users, len(table) - n_users]))


def convolution_layers(
    graph: LinearOperator, users: Tensor, items: Tensor, n_layers: int
) -> Tensor:
    """All layers of :func:`convolve`, ``[n_layers + 1, n_users + n_items, dim]``."""
    layers = [torch.cat([users, items])]
    for _ in range(n_layers):
        layers.append(propagate(graph, layers[-1]))
    return torch.stack(layers)


def with_side(layers: Tensor, side: Tensor) -> tuple[Representations, Tensor]:
    """Final representations and layers of a convolution to whose items ``side`` is added.

    Args:
        layers: The convolution's ``[n_layers + 1, n_users + n_items, dim]``.
        side: What is added to the items' mean ``[n_items, dim]``.
    """
    n_users = layers.shape[1] - len(side)
    # The side term joins every layer, so that the mean over layers is the final representation.
    layers = layers + torch.cat([side.new_zeros(n_users, side.shape[1]), side])
    return mean_of_layers(layers, n_users), layers


def mean_of_layers(layers: Tensor, n_users: int) -> Representations:
    """The final representations that ``layers [n_layers + 1, n_users + n_items, dim]`` make."""
    table = layers.mean(dim=0)
    return Representations(table[:n_users], table[n_users:])
