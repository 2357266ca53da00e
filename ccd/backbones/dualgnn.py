"""DualGNN: modality graphs mixed per user, then smoothed over similar users (Wang et al. 2023)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ccd.backbones.base import Backbone, Representations, Rows, Step
from ccd.backbones.fusion import Fusion
from ccd.backbones.initial import xavier_normal
from ccd.backbones.lightgcn import convolve
from ccd.backbones.norms import unit_rows
from ccd.backbones.projector import linear
from ccd.backbones.world import World
from ccd.graphs.propagation import propagate
from ccd.graphs.user_item import UserItemGraph
from ccd.graphs.user_user import CoInteractions, check_neighbours
from ccd.registry import component
from ccd.settings import NonNegativeFloat, NonNegativeInt, PositiveInt


class PreferenceGNN(Backbone):
    """What DualGNN and DRAGON share: preferences per modality, and the user-user graph.

    There are no item ID embeddings. ``user_embeddings`` are the user preferences of all modalities
    side by side, ``[n_users, n_modalities * dim]``; ``mixture [n_users, n_modalities]`` weighs a
    user's modalities.

    The sources take BPR's logarithm to base 2, here it is natural. The regulariser is scaled by
    ``ln 2`` as BPR thereby is, so the whole is ``ln 2`` times their loss: the same minima and
    directions of descent, and under Adam (but for its epsilon) the same steps.

    Args:
        world: Interactions, features, sizes, engine and random stream.
        n_layers: Layers over the user-item graph.
        hidden: Width of the feature encoders' hidden layer.
        n_user_layers: Layers over the user-user graph.
        n_neighbours: Neighbours per user in an epoch's user-user graph.
        n_kept_neighbours: Heaviest neighbours kept per user, from which short lists are filled.
        reg_weight: Weight of the mean squares of preferences and mixture.

    Raises:
        ConfigError: The data set has no features, or too few neighbours are kept.
    """

    has_item_embeddings = False

    def __init__(
        self,
        world: World,
        n_layers: int,
        hidden: int,
        n_user_layers: int,
        n_neighbours: int,
        n_kept_neighbours: int,
        reg_weight: float,
    ) -> None:
        name = type(self).__name__
        world.require_features(name)
        check_neighbours(name, n_neighbours, n_kept_neighbours)
        super().__init__(world)
        self.n_layers, self.n_user_layers = n_layers, n_user_layers
        self.n_neighbours, self.reg_weight = n_neighbours, reg_weight
        edges = world.users, world.items, world.n_users, world.n_items, world.engine
        self.graph = UserItemGraph(*edges)
        self.co_interactions = CoInteractions(*edges, n_kept_neighbours)
        # Inference has no draw: what is saved gives the same representations again.
        self.user_graph = self.co_interactions.heaviest(n_neighbours)
        self.epoch_user_graph = self.user_graph
        self._draw_weights(world, hidden)

    def _draw_weights(self, world: World, hidden: int) -> None:
        rng, device, n_modalities = world.rng, world.device, len(world.features)
        self.user_embeddings = nn.Parameter(
            torch.empty(world.n_users, n_modalities * world.dim, device=device)
        )
        for block in self.user_embeddings.detach().split(world.dim, dim=1):
            xavier_normal(block, rng)
        draw = torch.empty(world.n_users, n_modalities, device=device)
        xavier_normal(draw, rng)
        self.mixture = nn.Parameter(draw.softmax(dim=1))
        self._features = list(world.feature_tables().values())
        self.encoders = nn.ModuleList(
            nn.Sequential(
                linear(features.shape[1], hidden, rng, device),
                nn.LeakyReLU(inplace=True),
                linear(hidden, world.dim, rng, device),
            )
            for features in self._features
        )

    @property
    def tables_of_users(self) -> tuple[str, ...]:
        return (*super().tables_of_users, "mixture")

    def start_epoch(self, rng: torch.Generator, sample: Tensor | None = None) -> None:
        self.epoch_user_graph = self.co_interactions.draw(self.n_neighbours, rng)

    def forward(self, fusion: Fusion | None = None, rows: Rows | None = None) -> Representations:
        users, items = self.joined(*self.modality_means())
        users = self.smoothed(users, rows)
        items = items if rows is None else F.embedding(rows.items, items)
        # The sources sum the layers; all that follows is linear, so their mean is scaled last.
        n_terms = self.n_layers + 1
        return Representations(n_terms * users, n_terms * items)

    def joined(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """One table of all users ``[n_users, dim]`` and one of all items ``[n_items, dim]``."""
        raise TypeError(f"{type(self).__name__} must define joined")

    def modality_means(self) -> tuple[Tensor, Tensor]:
        """Mean of the layers ``X, A X, A^2 X ...`` per modality, for all users and items.

        X are the preferences and the encoded features, each row of length 1.

        Returns:
            Users ``[n_users, n_modalities, dim]`` and items ``[n_items, n_modalities, dim]``.
        """
        sizes = (len(self.encoders), -1)
        preferences = unit_rows(self.user_embeddings.unflatten(1, sizes))
        encoded = zip(self.encoders, self._features, strict=True)
        # The modalities side by side: one convolution of wide rows is faster than one each.
        items = torch.cat([unit_rows(encoder(features)) for encoder, features in encoded], dim=1)
        means = convolve(self.graph, preferences.flatten(1), items, self.n_layers, None)
        return means.users.unflatten(1, sizes), means.items.unflatten(1, sizes)

    def smoothed(self, users: Tensor, rows: Rows | None) -> Tensor:
        """Users plus their neighbours' weighted mean, for the users of ``rows`` (else all).

        Args:
            users: Representations of all users ``[n_users, dim]``.
            rows: Which rows are wanted.
        """
        graph = self.epoch_user_graph if self.training else self.user_graph
        mean = users
        for _ in range(self.n_user_layers - 1):
            mean = propagate(graph.into(), mean)
        if rows is None:
            return users + propagate(graph.into(), mean)
        return F.embedding(rows.users, users) + propagate(graph.into(rows.users), mean)

    def own_loss(self, step: Step) -> Tensor | None:
        if not self.reg_weight:
            return None
        # Modalities are equally wide, so the sum of their means is as many times the whole's mean.
        preferences = F.embedding(step.batch.users, self.user_embeddings).square().mean()
        penalty = len(self.encoders) * preferences + self.mixture.square().mean()
        return math.log(2) * self.reg_weight * penalty


@component("backbone")
class DualGNN(PreferenceGNN):
    """Modality representations mixed by each user's weights, plus those of co-interacting users.

    The reference also regularises weights of items that nothing else uses; they are left out.

    Args:
        world: Interactions, features, sizes, engine and random stream.
        n_layers: Layers over the user-item graph.
        hidden: Width of the feature encoders' hidden layer.
        n_user_layers: Layers over the user-user graph.
        n_neighbours: Neighbours per user in an epoch's user-user graph.
        n_kept_neighbours: Heaviest neighbours kept per user.
        reg_weight: Weight of the mean squares of preferences and mixture.
    """

    def __init__(
        self,
        world: World,
        *,
        n_layers: NonNegativeInt = 2,
        hidden: PositiveInt = 256,
        n_user_layers: PositiveInt = 1,
        n_neighbours: PositiveInt = 40,
        n_kept_neighbours: PositiveInt = 200,
        reg_weight: NonNegativeFloat = 1e-3,
    ) -> None:
        super().__init__(
            world, n_layers, hidden, n_user_layers, n_neighbours, n_kept_neighbours, reg_weight
        )

    def joined(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        return (self.mixture[:, :, None] * users).sum(dim=1), items.sum(dim=1)
