"""Variants against a baseline: paired, corrected, with intervals and effect sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import reduce
from typing import Any, Literal

import numpy as np

from ccd.errors import ConfigError
from ccd.files import finite
from ccd.registry import component
from ccd.runs.per_user import PerUser
from ccd.settings import REQUIRED, NonNegativeInt, OpenFraction, PositiveInt
from ccd.statistics.bootstrap import bootstrap
from ccd.statistics.paired_tests import PairedTest

Runs = Mapping[tuple[str, int], PerUser]
"""Test metrics per user of each (variant, seed)."""

_DECIMALS = 6
"""Decimals of a user's mean difference: less is rounding of float32 metrics, and so a tie."""


@dataclass(frozen=True)
class Contrast:
    """One metric of one variant against the baseline.

    Attributes:
        variant: The variant.
        baseline: The other one.
        metric: Such as ``recall@20``.
        seeds: Those that both have.
        n_users: Users that all their runs have.
        difference: Variant less baseline, mean over users and seeds.
        low: Lower end of the bootstrap interval over users and seeds; None where not asked for.
        high: Its upper end.
        p_value: Corrected.
        effect: Of the test: rank-biserial for Wilcoxon, d_z for t; NaN where there is none.
        wins: Share of users for whom the variant is better, in their mean over seeds.
        losses: Share of users for whom it is worse; the others tie.
        worse: Whether the test finds the baseline better: by the sign of its effect, which for
            ranks need not be that of the mean.
    """

    variant: str
    baseline: str
    metric: str
    seeds: tuple[int, ...]
    n_users: int
    difference: float
    low: float | None
    high: float | None
    p_value: float
    effect: float
    wins: float
    losses: float
    worse: bool

    @property
    def ties(self) -> float:
        """Share of users for whom both are the same."""
        return max(0.0, 1 - self.wins - self.losses)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        record: dict[str, Any] = finite({**asdict(self), "ties": self.ties})
        return record


@component("comparison")
class Comparison:
    """How variants are compared with the baseline.

    Args:
        test: Of the paired differences.
        over: What a pair is: the ``users`` (each one's mean over the seeds), the ``seeds`` (each
            one's mean over the users), or ``both``, by the bootstrap that resamples the two.
        confidence: Of the bootstrap interval.
        resamples: Draws of the bootstrap.
        seed: Its seed.
    """

    def __init__(
        self,
        *,
        test: PairedTest = REQUIRED,
        over: Literal["users", "seeds", "both"] = "users",
        confidence: OpenFraction = 0.95,
        resamples: PositiveInt = 2000,
        seed: NonNegativeInt = 0,
    ) -> None:
        self.test, self.over, self.confidence = test, over, confidence
        self.resamples, self.seed = resamples, seed

    @property
    def description(self) -> str:
        """How p-values come about, for captions."""
        if self.over == "both":
            return "bootstrap over users and seeds, Holm-corrected"
        # The component comes bare or with its settings filled in.
        target = getattr(self.test, "func", self.test)
        name = {"wilcoxon": "Wilcoxon signed-rank", "t_test": "paired t-test"}.get(
            target.__name__, target.__name__
        )
        return f"{name} over {self.over}, Holm-corrected"

    def contrasts(
        self,
        runs: Runs,
        *,
        variants: Sequence[str],
        baseline: str,
        metrics: Sequence[str],
        intervals: bool = False,
        correct: bool = True,
    ) -> list[Contrast]:
        """Every variant against the baseline on every metric, by metric.

        Variants that share no seed with the baseline are left out.

        Args:
            runs: Metrics per user.
            variants: Those to compare; the baseline among them is passed over.
            baseline: Variant that the others are compared with.
            metrics: Such as ``recall@20``.
            intervals: Whether to bootstrap, which takes a second or two.
            correct: Whether p-values are corrected, over the variants of a metric.

        Raises:
            ConfigError: Pairs are seeds and fewer than two are common.
        """
        found: list[Contrast] = []
        differences: list[np.ndarray] = []
        for metric in metrics:
            for variant in variants:
                seeds = _common_seeds(runs, variant, baseline, metric)
                if variant == baseline or not seeds:
                    continue
                values = _differences(runs, variant, baseline, seeds, metric)
                differences.append(values)
                found.append(self._contrast(variant, baseline, metric, seeds, values))
        if intervals or self.over == "both":
            drawn = bootstrap(
                differences,
                resamples=self.resamples,
                confidence=self.confidence,
                seed=self.seed,
            )
            found = [replace(c, low=x.low, high=x.high) for c, x in zip(found, drawn, strict=True)]
            if self.over == "both":
                found = [
                    replace(c, p_value=x.p_value, worse=c.difference < 0)
                    for c, x in zip(found, drawn, strict=True)
                ]
        if not correct:
            return found
        groups = ([c for c in found if c.metric == metric] for metric in metrics)
        return [contrast for group in groups for contrast in corrected(group)]

    def _contrast(
        self,
        variant: str,
        baseline: str,
        metric: str,
        seeds: tuple[int, ...],
        values: np.ndarray,
    ) -> Contrast:
        per_user = values.mean(axis=0).round(_DECIMALS)
        if self.over == "seeds" and len(seeds) < 2:
            raise ConfigError(
                f"Comparison.over = 'seeds', but '{variant}' and '{baseline}' have only seed "
                f"{seeds[0]} in common",
                keys=("Comparison.over",),
                hint="run more seeds, or set Comparison.over = 'users'",
            )
        result = self.test(values.mean(axis=1) if self.over == "seeds" else per_user)
        return Contrast(
            variant=variant,
            baseline=baseline,
            metric=metric,
            seeds=seeds,
            n_users=values.shape[1],
            difference=float(values.mean()),
            low=None,
            high=None,
            p_value=result.p_value,
            effect=result.effect,
            wins=float((per_user > 0).mean()),
            losses=float((per_user < 0).mean()),
            worse=result.effect < 0,
        )


def corrected(contrasts: Sequence[Contrast]) -> list[Contrast]:
    """The contrasts with Holm's correction over all of them."""
    p_values = holm([contrast.p_value for contrast in contrasts])
    return [replace(c, p_value=p) for c, p in zip(contrasts, p_values, strict=True)]


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


def _common_seeds(runs: Runs, variant: str, baseline: str, metric: str) -> tuple[int, ...]:
    return tuple(
        seed
        for name, seed in runs
        if name == variant
        and (baseline, seed) in runs
        and metric in runs[(variant, seed)].metrics
        and metric in runs[(baseline, seed)].metrics
    )


def _differences(
    runs: Runs, variant: str, baseline: str, seeds: Sequence[int], metric: str
) -> np.ndarray:
    """Variant less baseline of the users that all have, ``[n_seeds, n_users]``, float64."""
    values = _aligned([runs[(name, s)] for name in (variant, baseline) for s in seeds], metric)
    return values[: len(seeds)] - values[len(seeds) :]


def _aligned(runs: Sequence[PerUser], metric: str) -> np.ndarray:
    """Values of the users that all runs have, ``[n_runs, n_users]``, float64."""
    common = reduce(np.intersect1d, [run.users for run in runs])
    rows = []
    for run in runs:
        order = np.argsort(run.users)
        positions = order[np.searchsorted(run.users[order], common)]
        rows.append(np.asarray(run.metrics[metric], dtype=np.float64)[positions])
    return np.stack(rows)
