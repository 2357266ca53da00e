"""The numbers of an ablation table, without a word on how they are shown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ccd.analysis.cautions import cautions
from ccd.runs.per_user import PerUser
from ccd.runs.records import RunResult
from ccd.statistics.comparison import Comparison, Contrast
from ccd.statistics.paired_tests import wilcoxon

_UNASKED = ("precision", "map", "hr", "mrr")
"""Metrics that every run measures and a table leaves out: ``ccd compare --metric`` shows them."""

WORSE = "↓"
"""Stands before the stars of a variant that the test finds worse than the baseline."""


def mark(p_value: float, *, worse: bool, down: str = WORSE) -> str:
    """``*`` for p < 0.05, ``**`` for p < 0.01, ``***`` for p < 0.001, after ``down`` for a loss."""
    stars = "*" * sum(p_value < level for level in (0.05, 0.01, 0.001))
    return f"{down * worse}{stars}" if stars else ""


LEVELS = "* p < 0.05, ** p < 0.01, *** p < 0.001"
"""What the stars say."""


def meaning(table: Table, down: str = WORSE) -> str:
    """What marks say, and what none says; empty where nothing was tested."""
    if not table.contrasts:
        return ""
    return f"{LEVELS} against {table.baseline}, two-sided; {down}: worse ({table.test})"


def divergence(table: Table) -> str:
    """Which numbers are of runs that diverged; empty where none did."""
    named = _with_seeds((row.variant, row.diverged) for row in table.rows)
    return f"Diverged, shown at the best epoch before: {named}." if named else ""


def refits(table: Table) -> str:
    """Which variants were trained on all data and not measured; empty where none were."""
    named = _with_seeds((row.variant, row.refits) for row in table.rows)
    return f"Refit on all data, so not measured: {named}." if named else ""


def _with_seeds(seeds: Iterable[tuple[str, Sequence[int]]]) -> str:
    """Each variant that has seeds, with them: ``FREEDOM (seeds 1, 2), BM3 (seed 1)``."""
    return ", ".join(
        f"{variant} (seed{'s'[: len(own) > 1]} {', '.join(map(str, own))})"
        for variant, own in seeds
        if own
    )


@dataclass(frozen=True)
class Cell:
    """One metric of one variant on the test split.

    Attributes:
        values: One per seed.
        gain: Share gained over the baseline, over the seeds both have; None for the baseline.
        p_value: Corrected, of the paired test against the baseline.
        worse: Whether that test finds the baseline better.
        rank: 1 for the best mean of the column, 2 for the second, else 0.
    """

    values: tuple[float, ...]
    gain: float | None = None
    p_value: float | None = None
    worse: bool = False
    rank: int = 0

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return statistics.fmean(self.values)

    @property
    def sd(self) -> float | None:
        """Sample standard deviation over seeds; None for a single one."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    @property
    def mark(self) -> str:
        """The stars of the p-value; empty without one."""
        return self.marked()

    def marked(self, down: str = WORSE) -> str:
        """The mark, with ``down`` for a loss."""
        return "" if self.p_value is None else mark(self.p_value, worse=self.worse, down=down)


@dataclass(frozen=True)
class Row:
    """One variant."""

    variant: str
    seeds: tuple[int, ...]
    cells: Mapping[str, Cell]
    diverged: tuple[int, ...] = ()
    """Seeds that diverged and are shown at the best epoch before."""
    refits: tuple[int, ...] = ()
    """Seeds that were trained on all data and not measured."""


@dataclass(frozen=True)
class Table:
    """Variants by metrics.

    Attributes:
        dataset: Name of the data set.
        baseline: The variant that the others are compared with, if it has results.
        metrics: Columns.
        rows: In the order of the recipe.
        contrasts: The others against the baseline, by metric.
        test: How their p-values come about.
        cautions: What makes the comparison less fair than it looks, one sentence each.
    """

    dataset: str
    baseline: str | None
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    contrasts: tuple[Contrast, ...] = ()
    test: str = ""
    cautions: tuple[str, ...] = ()

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds that any variant has, sorted."""
        return tuple(sorted({seed for row in self.rows for seed in row.seeds}))

    def to_json(self) -> list[dict[str, Any]]:
        """One record per variant and metric, plain values."""
        return [
            {
                "variant": row.variant,
                "metric": metric,
                "seeds": list(row.seeds),
                "diverged": list(row.diverged),
                "mean": cell.mean,
                "sd": cell.sd,
                "gain": cell.gain,
                "p_value": cell.p_value,
            }
            for row in self.rows
            for metric, cell in row.cells.items()
        ]


def build_table(
    results: Sequence[RunResult],
    per_user: Mapping[tuple[str, int], PerUser],
    *,
    baseline: str | None = None,
    variants: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    comparison: Comparison | None = None,
    intervals: bool = False,
    seeds: Sequence[int] = (),
) -> Table:
    """Summarise test metrics over seeds and compare them with the baseline.

    Args:
        results: At least one finished run, all of one data set.
        per_user: Their test metrics per user; runs that are missing are not tested.
        baseline: Name of the variant to compare with, or None.
        variants: Order of the rows; by default the order of the results.
        metrics: Columns; by default recall and NDCG at every cut-off, and whatever metric the
            recipe adds to those of ccd's own wiring.
        comparison: How; by default the Wilcoxon test over users.
        intervals: Whether contrasts have bootstrap intervals.
        seeds: Seeds that every variant should have, beside those that any variant has.
    """
    by_variant: dict[str, list[RunResult]] = {name: [] for name in variants or ()}
    for result in results:
        by_variant.setdefault(result.variant, []).append(result)
    by_variant = {name: runs for name, runs in by_variant.items() if runs}
    if baseline not in by_variant:
        baseline = None
    metrics = tuple(metrics) if metrics else _default_metrics(results)
    rows = tuple(
        Row(
            name,
            tuple(run.seed for run in runs),
            {
                metric: Cell(
                    tuple(run.test[metric] for run in runs),
                    _gain(runs, by_variant[baseline], metric)
                    if baseline is not None and name != baseline
                    else None,
                )
                for metric in metrics
            },
            tuple(run.seed for run in runs if run.diverged is not None),
            tuple(run.seed for run in runs if run.refit is not None),
        )
        for name, runs in by_variant.items()
    )
    wanted = {*seeds, *(result.seed for result in results)}
    table = Table(
        results[0].dataset, baseline, metrics, rows, cautions=tuple(cautions(by_variant, wanted))
    )
    comparison = comparison or Comparison(test=wilcoxon)
    return _with_ranks(_with_contrasts(table, per_user, comparison, intervals))


def main_metrics(names: Sequence[str]) -> tuple[str, ...]:
    """The metrics that a reader is shown unasked: all but those that every run measures as well.

    A recipe that measures other metrics than ccd's own wiring has chosen them, so all are shown.

    Args:
        names: Metrics of a run, such as ``recall@20``.
    """
    kinds = {name.partition("@")[0] for name in names}
    if not kinds >= {*_UNASKED, "recall", "ndcg"}:
        return tuple(names)
    return tuple(name for name in names if name.partition("@")[0] not in _UNASKED)


def _default_metrics(results: Sequence[RunResult]) -> tuple[str, ...]:
    common = [name for name in results[0].test if all(name in run.test for run in results)]
    return main_metrics(common)


def _gain(
    runs: Sequence[RunResult], baseline_runs: Sequence[RunResult], metric: str
) -> float | None:
    theirs = {run.seed: run.test[metric] for run in baseline_runs}
    pairs = [(run.test[metric], theirs[run.seed]) for run in runs if run.seed in theirs]
    reference = sum(base for _, base in pairs)
    return sum(own for own, _ in pairs) / reference - 1 if reference else None


def _with_contrasts(
    table: Table, runs: Mapping[tuple[str, int], PerUser], comparison: Comparison, intervals: bool
) -> Table:
    if table.baseline is None:
        return table
    contrasts = comparison.contrasts(
        runs,
        variants=[row.variant for row in table.rows],
        baseline=table.baseline,
        metrics=table.metrics,
        intervals=intervals,
    )
    by_name = {row.variant: row for row in table.rows}
    for contrast in contrasts:
        row = by_name[contrast.variant]
        cell = row.cells[contrast.metric]
        tested = replace(cell, p_value=contrast.p_value, worse=contrast.worse)
        by_name[contrast.variant] = _replace_cell(row, contrast.metric, tested)
    return replace(
        table,
        rows=tuple(by_name.values()),
        contrasts=tuple(contrasts),
        test=comparison.description,
    )


def _with_ranks(table: Table) -> Table:
    rows = list(table.rows)
    if len(rows) < 2:
        return table
    for metric in table.metrics:
        means = sorted({row.cells[metric].mean for row in rows}, reverse=True)
        rank_of = {mean: rank for rank, mean in enumerate(means[:2], start=1)}
        rows = [
            _replace_cell(
                row,
                metric,
                replace(row.cells[metric], rank=rank_of.get(row.cells[metric].mean, 0)),
            )
            for row in rows
        ]
    return replace(table, rows=tuple(rows))


def _replace_cell(row: Row, metric: str, cell: Cell) -> Row:
    return replace(row, cells={**row.cells, metric: cell})
