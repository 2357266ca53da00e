"""Beyond accuracy: what the lists are made of, whatever the users liked. See docs/metrics.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ccd.datasets.dataset import Dataset
from ccd.datasets.scale import computable

_LISTS = 512
"""Lists whose features are looked up at once."""


class BeyondAccuracy:
    """Coverage, Gini, novelty and intra-list diversity of top-K lists.

    Args:
        dataset: Its training interactions and features.
        k: Length of the lists.
    """

    def __init__(self, dataset: Dataset, k: int) -> None:
        self.k = k
        per_item = dataset.train_per_item
        self._n_users = len(np.unique(dataset.train.users))
        self._popularity = torch.from_numpy(per_item)
        self._units = {name: _unit_rows(rows) for name, rows in dataset.features.items()}

    def __call__(self, lists: Tensor) -> dict[str, float]:
        """Metric name, such as ``novelty@20`` or ``diversity image@20``, to its value.

        Args:
            lists: Items best first ``[n, at least k]``; a shorter list ends with -1.
        """
        shown = lists[:, : self.k]
        exposure = torch.bincount(shown[shown >= 0], minlength=len(self._popularity))
        values = {
            "coverage": coverage(exposure),
            "gini": gini(exposure),
            "novelty": novelty(shown, self._popularity, self._n_users).nanmean().item(),
        }
        for name, units in self._units.items():
            values[f"diversity {name}"] = diversity(shown, units).nanmean().item()
        return {f"{name}@{self.k}": value for name, value in values.items()}


def coverage(exposure: Tensor) -> float:
    """Share of the catalogue that is in at least one list.

    Args:
        exposure: In how many lists each item is ``[n_items]``.
    """
    return (exposure > 0).double().mean().item()


def gini(exposure: Tensor) -> float:
    """Inequality of exposure over the catalogue: 0 all alike, towards 1 a few items take all.

    Args:
        exposure: In how many lists each item is ``[n_items]``.
    """
    ascending = exposure.double().sort().values
    n = len(ascending)
    ranks = torch.arange(1, n + 1, dtype=torch.float64)
    return (((2 * ranks - n - 1) * ascending).sum() / (n * ascending.sum())).item()


def novelty(lists: Tensor, popularity: Tensor, n_users: int) -> Tensor:
    """Mean self-information of a list's items in bits, ``-log2(popularity / n_users)``; ``[n]``.

    An item without a training interaction counts as one with a single one. NaN for an empty list.

    Args:
        lists: Item ids ``[n, k]``; a shorter list ends with -1.
        popularity: Training users of each item ``[n_items]``.
        n_users: Users with a training interaction.
    """
    bits = -torch.log2(popularity.clamp(min=1).double() / n_users)
    return torch.where(lists >= 0, bits[lists], torch.nan).nanmean(dim=1)


def diversity(lists: Tensor, units: Tensor) -> Tensor:
    """Mean of one minus the cosine over the pairs of a list's items; ``[n]``.

    Items without the modality are left out; NaN where fewer than two remain.

    Args:
        lists: Item ids ``[n, k]``; a shorter list ends with -1.
        units: Feature vectors of length 1, or zero ``[n_items, dim]``.
    """
    present = (units != 0).any(dim=1)
    values = []
    for block in lists.split(_LISTS):
        there = block >= 0
        n = (present[block] & there).sum(dim=1).double()
        # The squared norm of the sum holds each pair's cosine twice, and each item's own once.
        bags = F.embedding_bag(
            block.clamp(min=0), units, mode="sum", per_sample_weights=there.to(units.dtype)
        )
        total = bags.double().square().sum(dim=1)
        cosine = (total - n) / (n * (n - 1))
        values.append(torch.where(n > 1, 1 - cosine, torch.nan))
    return torch.cat(values)


def _unit_rows(features: np.ndarray) -> Tensor:
    return F.normalize(torch.from_numpy(computable(features)), dim=1)


def summary(per_seed: Iterable[Mapping[str, float]]) -> dict[str, tuple[float, ...]]:
    """Values per seed of each metric, from one mapping per seed."""
    found: dict[str, tuple[float, ...]] = {}
    for values in per_seed:
        for name, value in values.items():
            found[name] = (*found.get(name, ()), value)
    return found
