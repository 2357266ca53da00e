"""Finished runs on several data sets side by side: one table, a column for each data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ccd.analysis.comparing import Compared, compare, gather
from ccd.analysis.tables import Cell, main_metrics
from ccd.errors import ConfigError
from ccd.finished.runs import FinishedRun, open_runs
from ccd.statistics.comparison import Comparison
from ccd.suggestions import did_you_mean

_METRICS = ("recall@10", "ndcg@10")
"""Those shown unasked, where all runs have them: a paper's table of several data sets."""


@dataclass(frozen=True)
class Across:
    """The same variants on several data sets.

    Attributes:
        by_dataset: Name of a data set to its comparison, in the order of the folders.
        metrics: Those that are shown.
        baseline: The variant that the others are compared with, where a data set has it.
    """

    by_dataset: Mapping[str, Compared]
    metrics: tuple[str, ...]
    baseline: str

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of all variants, in the order in which the data sets have them first."""
        tables = (compared.table for compared in self.by_dataset.values())
        return tuple(dict.fromkeys(row.variant for table in tables for row in table.rows))

    def cell(self, variant: str, dataset: str, metric: str) -> Cell | None:
        """What a variant reached on a data set; None where it was not run there."""
        for row in self.by_dataset[dataset].table.rows:
            if row.variant == variant:
                return row.cells[metric]
        return None

    @property
    def cautions(self) -> tuple[str, ...]:
        """The warnings of all data sets, and which variants some of them lack."""
        found = []
        for dataset, compared in self.by_dataset.items():
            found += [f"{dataset}: {caution}" for caution in compared.table.cautions]
            have = {row.variant for row in compared.table.rows}
            lacking = [variant for variant in self.variants if variant not in have]
            if lacking:
                found.append(f"{dataset}: no finished run of {', '.join(lacking)}")
        return tuple(found)

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes of all data sets."""
        found = []
        for dataset, compared in self.by_dataset.items():
            found += [f"{dataset}: {note}" for note in compared.notes]
            if compared.table.baseline != self.baseline:
                found.append(
                    f"{dataset}: marks are against {compared.table.baseline}, as there is no run "
                    f"of {self.baseline}"
                )
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """Plain values: what a comparison of each data set has."""
        return {
            "baseline": self.baseline,
            "metrics": list(self.metrics),
            "datasets": {name: found.to_json() for name, found in self.by_dataset.items()},
            "warnings": list(self.cautions),
            "notes": list(self.notes),
        }


def by_dataset(folders: Sequence[Path], imports: Sequence[str] = ()) -> dict[str, list[Path]]:
    """Name of each data set to the folders whose runs are on it.

    Args:
        folders: Run folders, or runs' own folders.
        imports: Python modules that the runs' settings may import.

    Raises:
        ConfigError: A folder holds no finished run.
    """
    found: dict[str, list[Path]] = {}
    for folder in folders:
        found.setdefault(open_runs(folder, imports)[0].result.dataset, []).append(folder)
    return found


def compare_across(
    groups: Mapping[str, Sequence[Path]],
    *,
    comparison: Comparison,
    baseline: str | None = None,
    metrics: Sequence[str] = (),
    imports: Sequence[str] = (),
) -> Across:
    """Compare the runs of each data set, for one table of all.

    Args:
        groups: Name of a data set to its folders, from :func:`by_dataset`.
        comparison: How.
        baseline: A variant; by default the baseline of the first folder's recipe.
        metrics: By default recall and NDCG at 10.
        imports: Python modules that the runs' settings may import.

    Raises:
        ConfigError: A name is unknown, or folders of one data set do not go together.
    """
    runs = {name: gather(folders, imports)[0] for name, folders in groups.items()}
    names = {name: {variant for variant, _ in found} for name, found in runs.items()}
    every = list(dict.fromkeys(variant for found in runs.values() for variant, _ in found))
    if baseline is not None and baseline not in every:
        raise ConfigError(
            f"no finished run of --baseline '{baseline}'",
            keys=("--baseline",),
            hint=did_you_mean(baseline, every, "variants"),
        )
    shown = tuple(metrics) or _metrics([run for found in runs.values() for run in found.values()])
    compared: dict[str, Compared] = {}
    for name, folders in groups.items():
        compared[name] = compare(
            folders,
            comparison=comparison,
            baseline=baseline if baseline in names[name] else None,
            metrics=shown,
            intervals=False,
            imports=imports,
        )
        baseline = baseline or compared[name].table.baseline
    assert baseline is not None, "every comparison has one"
    return Across(compared, shown, baseline)


def _metrics(runs: Sequence[FinishedRun]) -> tuple[str, ...]:
    """Those of ``_METRICS`` that all runs have; else the first two of a table."""
    first = list(runs[0].result.test)
    common = [name for name in first if all(name in run.result.test for run in runs)]
    if not common:
        raise ConfigError(
            "the runs of these data sets have no test metric in common",
            keys=("FullRanking.metrics", "FullRanking.cutoffs"),
            hint="compare each data set alone",
        )
    return tuple(name for name in _METRICS if name in common) or main_metrics(common)[:2]
