"""Neighbours by features: what a recommender without training makes of the content alone."""

from __future__ import annotations

import torch

from ccd.backbones.untrained import Untrained, sparse_table
from ccd.backbones.world import World
from ccd.graphs.nearest import nearest_by_modality
from ccd.registry import component
from ccd.settings import PositiveInt


@component("backbone")
class FeatureKNN(Untrained):
    """Items with features like those of a user's items.

    The similarity of two items is the mean over modalities of the cosine of their features, as far
    as one is among the other's ``k`` nearest. An item scores the sum of its similarities to the
    user's items. So items that nobody has taken are ranked like any other.

    Args:
        world: Interactions, features and sizes.
        k: Nearest items by each modality that count.

    Raises:
        ConfigError: The data set has no features.
    """

    reads_features = True

    def __init__(self, world: World, *, k: PositiveInt = 50) -> None:
        world.require_features("FeatureKNN")
        k = min(k + 1, world.n_items)  # an item is the nearest to itself
        nearest = nearest_by_modality(world.dataset, world.device, k, setting="FeatureKNN.k")
        n_users, n_items, device = world.n_users, world.n_items, world.device
        places, cosines = [], []
        for found in nearest.values():
            rows = torch.arange(n_items, device=device)[:, None].expand_as(found.ids)
            kept = (found.ids >= 0) & (found.ids != rows)
            places.append(torch.stack([rows[kept], found.ids[kept]]))
            cosines.append(found.cosines[kept] / len(nearest))
        # An item that is near by several modalities is there several times, which adds up.
        items = sparse_table(torch.cat(places, dim=1), torch.cat(cosines), (n_items, n_items))
        ones = torch.ones(len(world.users), device=device)
        users = sparse_table(torch.stack([world.users, world.items]), ones, (n_users, n_items))
        super().__init__(users, items)
