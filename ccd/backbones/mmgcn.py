"""MMGCN: a graph convolution per modality, joined by shared ID embeddings (Wei et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ccd.backbones.base import Backbone, Representations, Rows, Step
from ccd.backbones.fusion import Fusion
from ccd.backbones.initial import xavier_normal
from ccd.backbones.norms import unit_rows
from ccd.backbones.projector import linear
from ccd.backbones.world import World
from ccd.graphs.propagation import propagate
from ccd.graphs.user_item import UserItemGraph
from ccd.graphs.user_item_operators import NeighbourMean
from ccd.registry import component
from ccd.settings import Flag, NonNegativeFloat, PositiveInt

_WIDE, _PROJECTED_WIDTH = 512, 256
"""Features wider than the first are projected to the second, by an affine map."""


@component("backbone")
class MMGCN(Backbone):
    """Mean over modalities of graph convolutions that each start from the modality's features.

    The toolbox projects image features (4096 numbers) to 256 and takes text features (384) as they
    are. Here a modality of more than 512 numbers is projected to 256.

    Args:
        world: Interactions, features, sizes, engine and random stream.
        n_layers: Graph convolution layers of each modality.
        reg_weight: Weight of the mean squares of ID embeddings and of user preferences.
        train_id_and_pref: Train ID embeddings and user preferences. The toolbox and the authors'
            code forget to register them, so they keep their initial values; validation prefers
            this on every data set that was tried.

    Raises:
        ConfigError: The data set has no features.
    """

    def __init__(
        self,
        world: World,
        *,
        n_layers: PositiveInt = 3,
        reg_weight: NonNegativeFloat = 1e-2,
        train_id_and_pref: Flag = False,
    ) -> None:
        world.require_features("MMGCN")
        super().__init__(world)
        self.reg_weight = reg_weight
        self.graph = UserItemGraph(
            world.users, world.items, world.n_users, world.n_items, world.engine
        )
        self._mean = NeighbourMean(self.graph)
        ids = torch.empty(world.n_users + world.n_items, world.dim, device=world.device)
        xavier_normal(ids, world.rng)
        with torch.no_grad():
            self.user_embeddings.copy_(ids[: world.n_users])
            self.item_embeddings.copy_(ids[world.n_users :])
        self.modalities = nn.ModuleList(
            ModalityGCN(
                features,
                _PROJECTED_WIDTH if features.shape[1] > _WIDE else None,
                n_layers,
                world,
            )
            for features in world.feature_tables().values()
        )
        if not train_id_and_pref:
            for table in (self.user_embeddings, self.item_embeddings, *self._preferences()):
                table.requires_grad_(False)

    @property
    def tables_of_users(self) -> tuple[str, ...]:
        preferences = (f"modalities.{k}.preferences" for k in range(len(self.modalities)))
        return (*super().tables_of_users, *preferences)

    def forward(self, fusion: Fusion | None = None, rows: Rows | None = None) -> Representations:
        nodes, last, n_users = None, self._mean, self.graph.n_users
        if rows is not None:
            nodes, n_users = torch.cat([rows.users, rows.items + n_users]), len(rows.users)
            last = NeighbourMean(self.graph, nodes)
        ids = torch.cat([self.user_embeddings, self.item_embeddings])
        tables = [gcn(ids, self._mean, last, nodes) for gcn in self.modalities]
        table = torch.stack(tables).mean(dim=0)
        return Representations(*table.split([n_users, len(table) - n_users]))

    def own_loss(self, step: Step) -> Tensor | None:
        if not self.reg_weight:
            return None
        users = F.embedding(step.batch.users, self.user_embeddings)
        items = F.embedding(torch.cat(step.batch[1:]), self.item_embeddings)
        penalty = users.square().mean() + items.square().mean()
        # The released code penalises the first modality's preferences only.
        return self.reg_weight * (penalty + self._preferences()[0].square().mean())

    def _preferences(self) -> list[nn.Parameter]:
        return [gcn.get_parameter("preferences") for gcn in self.modalities]


class ModalityGCN(nn.Module):
    """One modality's convolution layers over ``[user preferences ; item features]``.

    Args:
        features: Raw features ``[n_items, feature_dim]``.
        projected_width: Project them to this width; None for as they are.
        n_layers: Number of layers.
        world: Sizes and random stream.
    """

    def __init__(
        self, features: Tensor, projected_width: int | None, n_layers: int, world: World
    ) -> None:
        super().__init__()
        self._features = features
        width = projected_width or self._features.shape[1]
        self.projection = (
            linear(self._features.shape[1], width, world.rng, world.device)
            if projected_width
            else None
        )
        self.preferences = nn.Parameter(torch.empty(world.n_users, width, device=world.device))
        xavier_normal(self.preferences, world.rng)
        self.layers = nn.ModuleList(
            ConvolutionLayer(world.dim if layer else width, world.dim, not layer, world)
            for layer in range(n_layers)
        )

    def forward(
        self, ids: Tensor, mean: NeighbourMean, last: NeighbourMean, nodes: Tensor | None
    ) -> Tensor:
        """The last layer's rows of ``nodes [n]`` (all where None), ``[n, dim]``.

        Args:
            ids: ID embeddings ``[n_users + n_items, dim]``.
            mean: The mean over neighbours, for all nodes.
            last: The same for ``nodes``.
            nodes: Nodes whose rows are wanted.
        """
        items = self._features if self.projection is None else self.projection(self._features)
        x = unit_rows(torch.cat([self.preferences, items]))
        for layer in self.layers[:-1]:
            x = layer(propagate(mean, x), x, ids)
        averaged = propagate(last, x)
        if nodes is not None:
            x, ids = x.index_select(0, nodes), ids.index_select(0, nodes)
        return self.layers[-1](averaged, x, ids)


class ConvolutionLayer(nn.Module):
    """``X' = LeakyReLU(G [LeakyReLU(A_mean X W) ; LeakyReLU(Lin X) + ids])``.

    Args:
        width: Width of X.
        dim: Width of the ID embeddings and of X'.
        first: Whether it is a modality's first layer, whose G is drawn by Glorot's rule as W and
            Lin are; later ones keep torch's default.
        world: Random stream.
    """

    def __init__(self, width: int, dim: int, first: bool, world: World) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, width, device=world.device))
        self.own = linear(width, dim, world.rng, world.device)
        self.merge = linear(width + dim, dim, world.rng, world.device)
        for matrix in (self.weight, self.own.weight, *([self.merge.weight] if first else [])):
            xavier_normal(matrix, world.rng)

    def forward(self, averaged: Tensor, x: Tensor, ids: Tensor) -> Tensor:
        """``X' [n, dim]`` of ``averaged = A_mean X``, X (both ``[n, width]``) and ``ids``."""
        # The mean is linear, so W may follow it: the last layer needs few rows of the product.
        neighbours = F.leaky_relu(averaged @ self.weight, inplace=True)
        own = F.leaky_relu(self.own(x), inplace=True) + ids
        return F.leaky_relu(self.merge(torch.cat([neighbours, own], dim=1)), inplace=True)
