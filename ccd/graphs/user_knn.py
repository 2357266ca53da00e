"""The users whose histories look and read most alike."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

import numpy as np
import torch
from torch import Tensor

from ccd.datasets.dataset import Dataset
from ccd.datasets.scale import computable
from ccd.graphs.nearest import NearestItems, cached_neighbours, nearest_items, unit_features


def nearest_users(dataset: Dataset, weights: Mapping[str, float], k: int) -> Tensor:
    """Each user's ``k`` nearest by the mean raw features of their training items.

    How near two users are is the sum of their cosines in each modality, times its weight. A user
    without any features has nobody but itself.

    Args:
        dataset: Gives training interactions and features.
        weights: Modality to its weight; they sum to 1.
        k: Neighbours per user, the user itself included; all users where there are fewer.

    Returns:
        int64 user ids ``[n_users, k]``; padding has id -1.
    """
    train, features = dataset.train_matrix, dataset.features
    k = min(k, dataset.n_users)
    shares = {name: weights[name] for name in features}

    def search() -> NearestItems:
        units = []
        for name, share in shares.items():
            # A history's mean points where its sum does.
            sums = np.asarray(train @ computable(features[name]), dtype=np.float32)
            units.append(unit_features(sums).mul_(sqrt(share)))
        return nearest_items(torch.cat(units, dim=1), k)

    inputs = ("of users", *features.values(), train.indptr, train.indices, shares, k)
    return cached_neighbours(inputs, search).ids
