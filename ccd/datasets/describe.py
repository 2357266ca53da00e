"""What a data set is made of: Table 1 of the paper, and what decides how hard it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ccd.datasets.dataset import Dataset, Interactions
from ccd.datasets.features import scan_features
from ccd.datasets.neighbour_users import NeighbourUsers, neighbour_users

COLD_USER = 4
"""A user with fewer training interactions is cold; the paper's split leaves everyone at least 3."""

_QUANTILES = {"least": 0.0, "25%": 0.25, "median": 0.5, "75%": 0.75, "90%": 0.9, "99%": 0.99,
              "most": 1.0}  # fmt: skip


@dataclass(frozen=True)
class SplitSize:
    """Interactions of one split, and how many users and items they touch."""

    interactions: int
    users: int
    items: int


@dataclass(frozen=True)
class Modality:
    """The features of one modality.

    Attributes:
        dim: Width.
        dtype: Such as ``float16``.
        missing: Items without it (zero rows).
        repeated: Other items whose row is that of another item too.
        neighbours: Precomputed nearest items per item; 0 without such a file.
        users: Whether items that are near in it are taken by the same users; None where it has
            fewer than two items.
    """

    dim: int
    dtype: str
    missing: int
    repeated: int
    neighbours: int
    users: NeighbourUsers | None


@dataclass(frozen=True)
class Degrees:
    """Training interactions per user, or per item.

    Attributes:
        mean: Over all of them, also those without any.
        quantiles: ``least``, ``median``, ..., ``most`` to a number of interactions.
        histogram: How many have 0, 1, 2 to 3, 4 to 7, 8 to 15, ... interactions.
    """

    mean: float
    quantiles: dict[str, int]
    histogram: tuple[int, ...]


@dataclass(frozen=True)
class Description:
    """A data set in numbers; ``sparsity`` is the share of pairs without an interaction."""

    name: str
    n_users: int
    n_items: int
    n_interactions: int
    sparsity: float
    splits: dict[str, SplitSize]
    modalities: dict[str, Modality]
    cold_users: int
    untrained_users: int
    cold_items: int
    user_degrees: Degrees
    item_degrees: Degrees
    fingerprint: str
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def describe(dataset: Dataset) -> Description:
    """Count everything, and measure what each modality says of the interactions."""
    splits = {"train": dataset.train, "valid": dataset.valid, "test": dataset.test}
    per_user = dataset.train_per_user
    per_item = dataset.train_per_item
    return Description(
        name=dataset.name,
        n_users=dataset.n_users,
        n_items=dataset.n_items,
        n_interactions=dataset.n_interactions,
        sparsity=1 - dataset.n_interactions / (dataset.n_users * dataset.n_items),
        splits={name: _size(pairs) for name, pairs in splits.items()},
        modalities={name: _modality(dataset, name) for name in dataset.features},
        cold_users=int((per_user < COLD_USER).sum()),
        untrained_users=int((per_user == 0).sum()),
        cold_items=int((per_item == 0).sum()),
        user_degrees=_degrees(per_user),
        item_degrees=_degrees(per_item),
        fingerprint=dataset.fingerprint,
        notes=dataset.notes,
    )


def bin_label(index: int) -> str:
    """The numbers of interactions in a bin of ``Degrees.histogram``: ``0``, ``1``, ``2-3``, ..."""
    low, high = 2**index // 2, 2**index - 1
    return str(low) if low >= high else f"{low}-{high}"


def _size(pairs: Interactions) -> SplitSize:
    return SplitSize(len(pairs), len(np.unique(pairs.users)), len(np.unique(pairs.items)))


def _modality(dataset: Dataset, name: str) -> Modality:
    features = dataset.features[name]
    scan = scan_features(features)
    lists = dataset.neighbours.get(name)
    return Modality(
        dim=features.shape[1],
        dtype=features.dtype.name,
        missing=scan.zero,
        repeated=scan.repeated,
        neighbours=0 if lists is None else lists.indices.shape[1],
        users=neighbour_users(features, dataset.train_matrix),
    )


def _degrees(counts: np.ndarray) -> Degrees:
    # Values that occur: half an interaction would puzzle a reader.
    values = np.quantile(counts, list(_QUANTILES.values()), method="inverted_cdf")
    # The exponent of a positive integer is its number of binary digits, and 0 for zero.
    digits = np.frexp(counts.astype(np.float64))[1]
    return Degrees(
        mean=float(counts.mean()),
        quantiles=dict(zip(_QUANTILES, map(int, values), strict=True)),
        histogram=tuple(np.bincount(digits).tolist()),
    )
