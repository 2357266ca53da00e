"""Do feature rows belong to their items? Neighbours by features against a shuffle of the ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ccd.datasets.dataset import Dataset
from ccd.datasets.scale import computable

if TYPE_CHECKING:
    from scipy import sparse

SUSPICIOUS_Z = 2.0
"""Below this many standard deviations the features look unrelated to the interactions."""

_SAMPLE = 2000
_NEIGHBOURS = 10
_SHUFFLES = 200
_FEWEST_ITEMS = 50


def misaligned(dataset: Dataset) -> list[str]:
    """A note for each modality whose rows do not seem to be in the order of the item ids."""
    scores = {name: alignment_z(x, dataset.train_matrix) for name, x in dataset.features.items()}
    return [
        f"{name}: items with similar features are not bought together more often than by chance "
        f"(z = {z:.1f} < {SUSPICIOUS_Z:.0f}); are the rows in the order of the item ids?"
        for name, z in scores.items()
        if z is not None and z < SUSPICIOUS_Z
    ]


def alignment_z(features: np.ndarray, train_matrix: sparse.csr_matrix) -> float | None:
    """How far feature neighbours are bought together more often than under shuffled ids.

    The statistic is the mean interaction cosine of an item and its nearest items by features,
    over the items with the most interactions, which say most about who goes with whom.

    Args:
        features: Feature matrix ``[n_items, dim]``; zero rows are left out.
        train_matrix: 0/1 training interactions ``[n_users, n_items]``.

    Returns:
        Standard deviations above the mean of the shuffles: near 0 where rows are not in the order
        of the item ids. None where too few items have both features and interactions.
    """
    items, vectors = _sample(features, train_matrix)
    if len(items) < _FEWEST_ITEMS:
        return None
    bought = _cosines_of_columns(train_matrix[:, items])
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    nearest = np.argpartition(-similarity, _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]
    rng = np.random.Generator(np.random.PCG64(0))
    observed = bought[np.arange(len(items))[:, None], nearest].mean()
    shuffled = np.empty(_SHUFFLES)
    for i in range(_SHUFFLES):
        ids = rng.permutation(len(items))
        shuffled[i] = bought[ids[:, None], ids[nearest]].mean()
    spread = shuffled.std()
    return float((observed - shuffled.mean()) / spread) if spread > 0 else None


def _sample(features: np.ndarray, train_matrix: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Items ``[n]`` and their unit vectors ``[n, dim]``."""
    counts = np.asarray(train_matrix.sum(axis=0)).ravel()
    items = np.argsort(-counts, kind="stable")[:_SAMPLE]
    items = np.sort(items[counts[items] > 0])
    vectors = computable(features[items])
    norms = np.linalg.norm(vectors, axis=1)
    there = norms > 0
    return items[there], vectors[there] / norms[there, None]


def _cosines_of_columns(matrix: sparse.csr_matrix) -> np.ndarray:
    together = np.asarray((matrix.T @ matrix).todense(), dtype=np.float32)
    scale = 1 / np.sqrt(together.diagonal())
    return together * scale[:, None] * scale
