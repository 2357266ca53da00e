"""Finished runs of one or several folders side by side: ``ccd compare``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ccd.analysis.common_metrics import choose_metric, require_common
from ccd.analysis.slices import RankedLists, slices_of
from ccd.analysis.tables import Table, build_table
from ccd.datasets.dataset import Dataset
from ccd.errors import ConfigError, Place
from ccd.files import finite
from ccd.finished.runs import FinishedRun, left_out, open_runs
from ccd.runs.manifest import read_manifest
from ccd.runs.per_user import PerUser
from ccd.statistics.comparison import Comparison, Contrast, corrected
from ccd.suggestions import did_you_mean

Lists = Mapping[tuple[str, int], RankedLists]
"""(name in the table, seed) to the run's lists."""


_BEYOND_AT = 20
"""Length of the lists that beyond-accuracy metrics look at, where they are that long."""


@dataclass(frozen=True)
class SliceRow:
    """One variant in one slice.

    Attributes:
        slice: Name of the slice.
        variant: The variant.
        n_users: Users that count.
        mean: Of the metric, over seeds and users.
        contrast: Against the baseline, corrected over variants and slices; None for itself.
    """

    slice: str
    variant: str
    n_users: int
    mean: float
    contrast: Contrast | None = None


@dataclass(frozen=True)
class Compared:
    """What ``ccd compare`` shows.

    Attributes:
        table: Variants by metrics.
        confidence: Of the contrasts' intervals.
        slices: Metric to rows, where asked for.
        beyond: Variant to beyond-accuracy metric to one value per seed, where asked for.
        notes: What the reader should know.
        runs: (name in the table, seed) to the run.
    """

    table: Table
    confidence: float
    slices: Mapping[str, tuple[SliceRow, ...]] = field(default_factory=dict)
    beyond: Mapping[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    runs: Mapping[tuple[str, int], FinishedRun] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        slices = {
            metric: [
                {
                    "slice": row.slice,
                    "variant": row.variant,
                    "n_users": row.n_users,
                    "mean": row.mean,
                    "contrast": row.contrast.to_json() if row.contrast else None,
                }
                for row in rows
            ]
            for metric, rows in self.slices.items()
        }
        record: dict[str, Any] = {
            "dataset": self.table.dataset,
            "baseline": self.table.baseline,
            "test": self.table.test,
            "confidence": self.confidence,
            "rows": self.table.to_json(),
            "contrasts": [contrast.to_json() for contrast in self.table.contrasts],
            "slices": slices,
            "beyond": {name: dict(values) for name, values in self.beyond.items()},
            "warnings": list(self.table.cautions),
            "notes": list(self.notes),
        }
        return {key: finite(value) for key, value in record.items()}


def compare(
    folders: Sequence[Path],
    *,
    comparison: Comparison,
    baseline: str | None = None,
    metrics: Sequence[str] = (),
    slices: bool = False,
    beyond: bool = False,
    intervals: bool = True,
    data_dir: Path | None = None,
    imports: Sequence[str] = (),
) -> Compared:
    """Set the finished runs of ``folders`` side by side.

    Args:
        folders: Run folders, or runs' own folders; all of one data set.
        comparison: How.
        baseline: A name in the table; by default the baseline of the first folder's recipe.
        metrics: By default those of the ablation table.
        slices: Compare within slices too; needs the data set.
        beyond: Measure the lists themselves too; needs the data set.
        intervals: Whether contrasts have bootstrap intervals.
        data_dir: Folder that holds the data set, where it is not where the first run found it.
        imports: Python modules that the runs' settings may import.

    Raises:
        ConfigError: The folders do not go together, or a name is unknown.
    """
    runs, notes = gather(folders, imports)
    names = list(dict.fromkeys(name for name, _ in runs))
    if baseline is not None and baseline not in names:
        raise ConfigError(
            f"no finished run of --baseline '{baseline}'",
            keys=("--baseline",),
            hint=did_you_mean(baseline, names, "variants"),
        )
    every = list(runs.values())
    base = baseline or _baseline(every[0].folder.parent, names)
    require_common(every, "test")
    for metric in metrics:
        choose_metric(every, "test", metric)
    per_user = {key: run.per_user for key, run in runs.items()}
    table = build_table(
        [replace(run.result, variant=name) for (name, _), run in runs.items()],
        per_user,
        baseline=base,
        metrics=metrics or None,
        comparison=comparison,
        intervals=intervals,
        seeds=_seeds(every),
    )
    found = Compared(table, comparison.confidence, notes=tuple(notes), runs=runs)
    if slices or beyond:
        dataset = every[0].dataset(data_dir)
        lists = {key: RankedLists(run, dataset) for key, run in runs.items()}
        if slices:
            found = replace(found, slices=_slices(lists, dataset, table, comparison))
        if beyond:
            found = replace(found, beyond=_beyond(lists, dataset))
    return found


def gather(
    folders: Sequence[Path], imports: Sequence[str] = ()
) -> tuple[dict[tuple[str, int], FinishedRun], list[str]]:
    """The runs of all folders under a name each, and what there is to note.

    A variant that has other settings in another folder is another variant: its folder joins its
    name. The same run in two folders counts once.

    Raises:
        ConfigError: The runs are of different data.
    """
    found: dict[tuple[str, int], FinishedRun] = {}
    notes: list[str] = []
    first: FinishedRun | None = None
    settings: dict[str, Mapping[str, str]] = {}
    for folder in folders:
        notes += left_out(folder)
        for run in open_runs(folder, imports):
            first = first or run
            if run.fingerprint != first.fingerprint:
                raise ConfigError(
                    "these runs were trained on different data",
                    where=[
                        Place(str(one.folder), text=f"data set '{one.result.dataset}'")
                        for one in (first, run)
                    ],
                    hint="compare runs of one data set with the same files",
                )
            variant, home = run.result.variant, run.folder.resolve().parent
            names = (variant, f"{variant} ({home.name})", f"{variant} ({home})")
            name = next(n for n in names if settings.setdefault(n, run.settings) == run.settings)
            key = (name, run.result.seed)
            if key in found:
                other = found[key]
                same = "is the same run"
                if run.result.test != other.result.test:
                    same += ", by its settings, data and seed, though its metrics differ"
                notes.append(f"{run.folder} is left out: {other.folder} {same}")
            else:
                found[key] = run
    return found, notes


def _baseline(folder: Path, names: list[str]) -> str:
    """The baseline of a run folder's recipe, where it has one with results; else the first name."""
    named = read_manifest(folder).get("baseline")
    return named if named in names else names[0]


def _seeds(runs: Sequence[FinishedRun]) -> list[int]:
    """Seeds that the run folders were asked for, finished or not."""
    homes = dict.fromkeys(run.folder.parent for run in runs)
    return [seed for home in homes for seed in read_manifest(home).get("seeds", ())]


def _slices(
    lists: Lists, dataset: Dataset, table: Table, comparison: Comparison
) -> dict[str, tuple[SliceRow, ...]]:
    assert table.baseline is not None
    names = [row.variant for row in table.rows]
    rows: dict[str, list[SliceRow]] = {metric: [] for metric in table.metrics}
    for one in slices_of(dataset):
        inside: dict[tuple[str, int], PerUser] = {}
        for key, made in lists.items():
            values = made.within(one)
            if values is not None:
                inside[key] = values
        found = comparison.contrasts(
            inside,
            variants=names,
            baseline=table.baseline,
            metrics=table.metrics,
            intervals=True,
            correct=False,
        )
        contrasts = {(c.variant, c.metric): c for c in found}
        for metric in table.metrics:
            for name in names:
                own = [x for (variant, _), x in inside.items() if variant == name]
                if own:
                    mean = float(np.mean([x.metrics[metric].mean(dtype=np.float64) for x in own]))
                    contrast = contrasts.get((name, metric))
                    rows[metric].append(SliceRow(one.name, name, len(own[0].users), mean, contrast))
    return {metric: tuple(_corrected(of_metric)) for metric, of_metric in rows.items()}


def _corrected(rows: list[SliceRow]) -> list[SliceRow]:
    fixed = iter(corrected([row.contrast for row in rows if row.contrast]))
    return [replace(row, contrast=next(fixed)) if row.contrast else row for row in rows]


def _beyond(lists: Lists, dataset: Dataset) -> dict[str, dict[str, tuple[float, ...]]]:
    from ccd.evaluation.beyond import BeyondAccuracy, summary

    shortest = min(made.items.shape[1] for made in lists.values())
    measure = BeyondAccuracy(dataset, min(_BEYOND_AT, shortest))
    found: dict[str, list[dict[str, float]]] = {}
    for (name, _), made in lists.items():
        found.setdefault(name, []).append(measure(made.items))
    return {name: summary(values) for name, values in found.items()}
