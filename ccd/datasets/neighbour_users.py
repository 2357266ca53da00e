"""How much a modality says: whether items that look alike are taken by the same users."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy import sparse

NEAREST = 10
"""Nearest items by features that each item is compared with."""

_MOST_ITEMS = 5000
_SHUFFLES = 10
_RESAMPLES = 1000
_BLOCK_ELEMENTS = 2**24
_PAIRS = 2**13


@dataclass(frozen=True)
class NeighbourUsers:
    """Pairs of an item and one of its 10 nearest by features, set beside training interactions.

    Attributes:
        shared: Share of the pairs that some user has both items of, in [0, 1].
        low: Lower end of its 95 % interval, by resampling items.
        high: Upper end.
        shuffled: The share where each item has the features of another.
        cosine: Mean cosine of the two items' interactions, over the pairs.
        shuffled_cosine: The same where each item has the features of another.
    """

    shared: float
    low: float
    high: float
    shuffled: float
    cosine: float
    shuffled_cosine: float


def neighbour_users(features: np.ndarray, train_matrix: sparse.csr_matrix) -> NeighbourUsers | None:
    """Compare neighbours by features with who takes both, for up to 5,000 items drawn.

    Args:
        features: Feature matrix ``[n_items, dim]``; zero rows are left out.
        train_matrix: 0/1 training interactions ``[n_users, n_items]``.

    Returns:
        What was found; None where fewer than two items have features.
    """
    there = np.concatenate([rows.any(axis=1) for rows in _blocks(features)])
    items = np.flatnonzero(there)
    if len(items) < 2:
        return None
    rng = np.random.Generator(np.random.PCG64(0))
    drawn = np.sort(rng.permutation(items)[:_MOST_ITEMS])
    nearest = _nearest(features, there, drawn)
    users = train_matrix.T.tocsr()
    shared, cosine = _together(users, drawn, nearest)
    resampled = rng.integers(0, len(drawn), (_RESAMPLES, len(drawn)))
    low, high = np.quantile(shared[resampled].mean(axis=1), (0.025, 0.975))
    by_chance = []
    for _ in range(_SHUFFLES):
        other = np.zeros(len(there), dtype=np.int64)
        other[items] = rng.permutation(items)
        found = _together(users, other[drawn], other[nearest])
        by_chance.append([value.mean() for value in found])
    shuffled, shuffled_cosine = np.mean(by_chance, axis=0)
    return NeighbourUsers(
        shared=float(shared.mean()),
        low=float(low),
        high=float(high),
        shuffled=float(shuffled),
        cosine=float(cosine.mean()),
        shuffled_cosine=float(shuffled_cosine),
    )


def _nearest(features: np.ndarray, there: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """The nearest other items ``[n, k]`` of the items drawn, by cosine, in any order."""
    k = min(NEAREST, int(there.sum()) - 1)
    wanted = _unit(features[drawn])
    best = np.full((len(drawn), k), -np.inf, dtype=np.float32)
    nearest = np.zeros((len(drawn), k), dtype=np.int64)
    start = 0
    for rows in _blocks(features, max(features.shape[1], len(drawn))):
        similarity = wanted @ _unit(rows).T
        similarity[:, ~there[start : start + len(rows)]] = -np.inf
        own = np.flatnonzero((drawn >= start) & (drawn < start + len(rows)))
        similarity[own, drawn[own] - start] = -np.inf
        both = np.hstack([best, similarity])
        ids = np.hstack([nearest, np.tile(np.arange(start, start + len(rows)), (len(drawn), 1))])
        top = np.argpartition(-both, k - 1, axis=1)[:, :k]
        best, nearest = (np.take_along_axis(found, top, axis=1) for found in (both, ids))
        start += len(rows)
    return nearest


def _together(
    users: sparse.csr_matrix, items: np.ndarray, nearest: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each item, share of its pairs with a common user, and mean cosine ``[n]``.

    Args:
        users: 0/1 training interactions ``[n_items, n_users]``.
        items: Items ``[n]``.
        nearest: Their partners ``[n, k]``.
    """
    common, cosine = common_users(users, np.repeat(items, nearest.shape[1]), nearest.ravel())
    shape = nearest.shape
    return (common > 0).reshape(shape).mean(axis=1), cosine.reshape(shape).mean(axis=1)


def common_users(
    users: sparse.csr_matrix, first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each pair of items, how many users have both, and the cosine of their users ``[n]``.

    Args:
        users: 0/1 training interactions ``[n_items, n_users]``.
        first: One item of each pair ``[n]``.
        second: The other ``[n]``.
    """
    common = np.concatenate([
        np.asarray(users[first[at : at + _PAIRS]].multiply(users[second[at : at + _PAIRS]]).sum(1))
        for at in range(0, len(first), _PAIRS)
    ]).ravel()  # fmt: skip
    degrees = np.diff(users.indptr)
    product = np.maximum(degrees[first] * degrees[second].astype(np.float64), 1)
    return common, common / np.sqrt(product)


def _blocks(features: np.ndarray, width: int = 0) -> Iterator[np.ndarray]:
    """Rows in order, as many at a time as make a block of ``width`` numbers each."""
    step = max(1, _BLOCK_ELEMENTS // max(1, width or features.shape[1]))
    for start in range(0, len(features), step):
        yield np.asarray(features[start : start + step])


def _unit(rows: np.ndarray) -> np.ndarray:
    vectors = rows.astype(np.float32)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(norms, np.finfo(np.float32).tiny)
