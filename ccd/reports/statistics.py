"""Is a difference between two variants more than chance? Paired over users, corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np
from scipy import stats

from ccd.runs.per_user import PerUser


def paired_p_value(first: np.ndarray, second: np.ndarray) -> float:
    """Two-sided p-value of the Wilcoxon signed-rank test; pairs without a difference drop out.

    Args:
        first: One value per user ``[n]``.
        second: The values of the same users ``[n]``.
    """
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    if not difference.any():
        return 1.0
    return float(stats.wilcoxon(difference, zero_method="wilcox").pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values after Holm's step-down correction, in the order given."""
    order = np.argsort(p_values)
    n = len(order)
    adjusted = [0.0] * n
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (n - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def compare_with_baseline(
    per_user: Mapping[tuple[str, int], PerUser],
    *,
    variants: Sequence[str],
    baseline: str,
    metric: str,
) -> dict[str, float]:
    """Corrected p-value of each variant against the baseline.

    A user's value is the mean over the seeds that both have; the correction is over the variants.

    Args:
        per_user: Test metrics of each (variant, seed).
        variants: Those to compare; the baseline among them is passed over.
        baseline: Variant that the others are compared with.
        metric: Such as ``recall@20``.

    Returns:
        Variant to p-value; without those that share no seed with the baseline.
    """
    raw = {}
    for variant in variants:
        seeds = [
            seed
            for name, seed in per_user
            if name == variant
            and (baseline, seed) in per_user
            and metric in per_user[(variant, seed)].metrics
            and metric in per_user[(baseline, seed)].metrics
        ]
        if variant == baseline or not seeds:
            continue
        values = _aligned(
            [per_user[(name, s)] for name in (variant, baseline) for s in seeds], metric
        )
        first, second = values[: len(seeds)].mean(axis=0), values[len(seeds) :].mean(axis=0)
        raw[variant] = paired_p_value(first, second)
    return dict(zip(raw, holm(list(raw.values())), strict=True))


def _aligned(runs: Sequence[PerUser], metric: str) -> np.ndarray:
    """Values of the users that all runs have, ``[n_runs, n_users]``, float64."""
    common = reduce(np.intersect1d, [run.users for run in runs])
    rows = []
    for run in runs:
        order = np.argsort(run.users)
        positions = order[np.searchsorted(run.users[order], common)]
        rows.append(np.asarray(run.metrics[metric], dtype=np.float64)[positions])
    return np.stack(rows)
