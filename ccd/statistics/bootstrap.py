"""Bootstrap of a mean difference over users and seeds at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_BLOCK = 100
"""Resamples held at once."""


class Interval(NamedTuple):
    """A confidence interval of the mean difference, and the two-sided p-value of no difference."""

    low: float
    high: float
    p_value: float


def bootstrap(
    differences: Sequence[np.ndarray], *, resamples: int, confidence: float, seed: int
) -> list[Interval]:
    """Percentile intervals of the means, users and seeds resampled with replacement.

    Both are drawn independently and crossed, so that a difference which only one seed or a few
    users carry has a wide interval (Owen, The pigeonhole bootstrap, 2007). A single seed cannot be
    resampled: the interval is then that of its users. Differences of equally many users share
    their draws.

    Args:
        differences: Each ``[n_seeds, n_users]``, float64.
        resamples: Number of draws.
        confidence: Such as 0.95.
        seed: Of the draws.
    """
    by_users: dict[int, list[int]] = {}
    for index, values in enumerate(differences):
        by_users.setdefault(values.shape[1], []).append(index)
    found: dict[int, Interval] = {}
    for n_users, members in by_users.items():
        rng = np.random.default_rng([seed, n_users])
        per_seed = _resampled_users(
            np.concatenate([differences[i] for i in members]), resamples, rng
        )
        edges = np.cumsum([len(differences[i]) for i in members])[:-1]
        for index, means in zip(members, np.split(per_seed, edges), strict=True):
            drawn = rng.integers(len(means), size=(resamples, len(means)))
            found[index] = _interval(means.T[np.arange(resamples)[:, None], drawn], confidence)
    return [found[index] for index in range(len(differences))]


def _resampled_users(values: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Means of ``values [rows, n_users]`` over resampled users ``[rows, resamples]``."""
    n = values.shape[1]
    means = []
    for start in range(0, resamples, _BLOCK):
        block = min(_BLOCK, resamples - start)
        drawn = rng.integers(n, size=(block, n))
        weights = np.stack([np.bincount(row, minlength=n) for row in drawn]).astype(np.float64)
        means.append(values @ weights.T / n)
    return np.concatenate(means, axis=1)


def _interval(means: np.ndarray, confidence: float) -> Interval:
    """The interval of resampled means per drawn seed ``[resamples, n_seeds]``."""
    whole = means.mean(axis=1)
    low, high = np.quantile(whole, [(1 - confidence) / 2, (1 + confidence) / 2])
    # One is added to each count: no number of resamples shows that p is zero.
    tail = min(int((whole <= 0).sum()), int((whole >= 0).sum())) + 1
    return Interval(float(low), float(high), min(1.0, 2 * tail / (len(whole) + 1)))
