"""DRAGON: DualGNN's encoders side by side, beside a frozen item graph (Zhou et al. 2023)."""

from __future__ import annotations

from torch import Tensor

from ccd.backbones.dualgnn import PreferenceGNN
from ccd.backbones.world import World
from ccd.graphs.item_knn import ItemGraphFactory
from ccd.graphs.propagation import propagate
from ccd.registry import component
from ccd.settings import REQUIRED, NonNegativeFloat, NonNegativeInt, PositiveInt


@component("backbone")
class DRAGON(PreferenceGNN):
    """Concatenated modality representations, smoothed over similar users and similar items.

    Representations are ``n_modalities * dim`` wide. DMA does not attach: it diffuses item ID
    embeddings, which DRAGON has none of, and its estimates are ``dim`` wide, not as wide as the
    higher-order representation that they would be mixed into.

    Args:
        world: Interactions, features, sizes, engine and random stream.
        item_graph: The frozen item graph.
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
        item_graph: ItemGraphFactory = REQUIRED,
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
        self.item_graph = item_graph(world.dataset, world.engine, world.device)

    def joined(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        items = items.flatten(1)
        return (self.mixture[:, :, None] * users).flatten(1), items + propagate(
            self.item_graph, items
        )
