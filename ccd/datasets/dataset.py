"""What every part of ccd sees of a data set: interactions by split, features by modality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy import sparse


@dataclass(frozen=True)
class Interactions:
    """User-item pairs of one split.

    Attributes:
        users: int64 user ids ``[n]``.
        items: int64 item ids ``[n]``.
    """

    users: np.ndarray
    items: np.ndarray

    def __len__(self) -> int:
        return len(self.users)


@dataclass(frozen=True)
class Neighbours:
    """Precomputed nearest items of one modality, self included where it is among them.

    Attributes:
        indices: int32 item ids ``[n_items, k]``, nearest first.
        cosine: float32 similarities ``[n_items, k]``.
    """

    indices: np.ndarray
    cosine: np.ndarray


@dataclass(frozen=True)
class Dataset:
    """Interactions, features and what is known about them.

    Attributes:
        name: Short name, as written in tables.
        n_users: Users over all splits.
        n_items: Items over all splits.
        train: Training pairs, distinct.
        valid: Validation pairs; every user in it has a training pair.
        test: Test pairs; every user in it has a training pair.
        features: Modality name to a read-only ``[n_items, dim]`` array (float16 or float32,
            memory-mapped where it comes from a file). An all-zero row is an item without it.
        neighbours: Modality name to precomputed nearest items, where a file gives them.
        fingerprint: Hash of all content, hexadecimal.
        notes: What the loader corrected or noticed, one sentence each, with counts.
        truth: Planted facts of a generated data set; empty for real data.
        user_ids: The user's id in the file, by position; empty where ids are the positions.
        item_ids: The same of items.
        complete: Where modalities are left out of the features (``without_modality``), the data set
            with all of them; None elsewhere.
        n_new_items: How many of the items, the last ones, came after training: they are in no split
            and nobody's neighbours.
        item_names: What items are called, by position; empty where the data set does not say.
        purchasable: bool ``[n_items]``: whether an item can be had now, so that lists may have it;
            None where the data set does not say. It is no part of ``fingerprint``.
    """

    name: str
    n_users: int
    n_items: int
    train: Interactions
    valid: Interactions
    test: Interactions
    features: Mapping[str, np.ndarray]
    neighbours: Mapping[str, Neighbours] = field(default_factory=dict)
    fingerprint: str = ""
    notes: tuple[str, ...] = ()
    truth: Mapping[str, np.ndarray] = field(default_factory=dict)
    user_ids: tuple[str, ...] = ()
    item_ids: tuple[str, ...] = ()
    item_names: tuple[str, ...] = ()
    purchasable: np.ndarray | None = None
    n_new_items: int = 0
    complete: Dataset | None = None

    @property
    def n_interactions(self) -> int:
        """Number of interactions in all splits together."""
        return len(self.train) + len(self.valid) + len(self.test)

    @cached_property
    def train_per_user(self) -> np.ndarray:
        """int64 training interactions of each user ``[n_users]``."""
        return np.bincount(self.train.users, minlength=self.n_users)

    @cached_property
    def train_per_item(self) -> np.ndarray:
        """int64 training interactions of each item ``[n_items]``."""
        return np.bincount(self.train.items, minlength=self.n_items)

    @property
    def every(self) -> Interactions:
        """The pairs of all splits: what users have taken."""
        splits = (self.train, self.valid, self.test)
        return Interactions(
            np.concatenate([split.users for split in splits]),
            np.concatenate([split.items for split in splits]),
        )

    @cached_property
    def train_matrix(self) -> sparse.csr_matrix:
        """0/1 training interactions ``[n_users, n_items]``, indices sorted."""
        from scipy import sparse

        ones = np.ones(len(self.train), dtype=np.float32)
        matrix = sparse.csr_matrix(
            (ones, (self.train.users, self.train.items)), shape=(self.n_users, self.n_items)
        )
        matrix.sort_indices()
        return matrix
