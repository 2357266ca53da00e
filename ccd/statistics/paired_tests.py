"""Two-sided tests of paired differences, each with the effect size that belongs to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, NamedTuple

import numpy as np

from ccd.registry import component
from ccd.settings import Slot


class Tested(NamedTuple):
    """A two-sided p-value and an effect size, positive where the differences are."""

    p_value: float
    effect: float


PairedTest = Annotated[Callable[[np.ndarray], Tested], Slot("paired_test")]


@component("paired_test")
def wilcoxon(differences: np.ndarray) -> Tested:
    """Wilcoxon signed-rank test; pairs without a difference drop out. Effect: rank-biserial.

    The effect is the share of the rank sum that is for the variant less that against it, from -1
    to 1 (Kerby, The simple difference formula, 2014).

    Args:
        differences: One per pair ``[n]``, float64.
    """
    from scipy import stats

    differing = differences[differences != 0]
    if not len(differing):
        return Tested(1.0, 0.0)
    ranks = stats.rankdata(np.abs(differing))
    effect = float((ranks * np.sign(differing)).sum() / ranks.sum())
    return Tested(float(stats.wilcoxon(differing, zero_method="wilcox").pvalue), effect)


@component("paired_test")
def t_test(differences: np.ndarray) -> Tested:
    """Student's paired t-test. Effect: Cohen's d_z, the mean difference in its own spreads.

    Args:
        differences: One per pair ``[n]``, float64.
    """
    from scipy import stats

    if not differences.any():
        return Tested(1.0, 0.0)
    n = len(differences)
    spread = float(differences.std(ddof=1)) if n > 1 else math.nan
    if n < 2:
        return Tested(1.0, math.nan)
    if spread == 0.0:
        return Tested(0.0, math.copysign(math.inf, differences[0]))
    effect = float(differences.mean()) / spread
    return Tested(float(2 * stats.t.sf(abs(effect) * math.sqrt(n), n - 1)), effect)
