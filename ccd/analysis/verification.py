"""Published numbers beside those of a run folder, with a verdict on each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from ccd.analysis.gains import GAIN_METRIC, Gain, gains
from ccd.analysis.paper import Erratum, load_paper, load_toolbox
from ccd.analysis.tables import Row, build_table
from ccd.analysis.verdicts import Verdict
from ccd.errors import ConfigError
from ccd.runs.folder import read_results
from ccd.runs.manifest import MANIFEST_FILE, read_manifest
from ccd.runs.records import RunResult
from ccd.suggestions import did_you_mean

_EVEN, _NEAR = 0.01, 0.03
"""Shares of the paper's value: what counts as the same number, and what still as close to it."""

_FIGURE_3 = frozenset(
    f"{base}+{step}" for base in ("LATTICE", "FREEDOM", "MG") for step in ("DMA", "DMA+NDI")
)
"""Steps of Figure 3 that no table of the paper has."""


RULE = (
    "reached: the gap is at most one spread (sd over seeds), or 1 % where that is more, but never "
    "more than 3 %; exceeds: better than that; close: at most 3 % below; below: further down. A "
    "variant's verdict is that of its worst metric."
)
"""How a verdict is found, in words."""


@dataclass(frozen=True)
class MetricGap:
    """One metric of one variant on the test split.

    Attributes:
        metric: Such as ``recall@10``.
        paper: What is published.
        ours: Mean over seeds.
        sd: Sample standard deviation over seeds; None for a single one.
    """

    metric: str
    paper: float
    ours: float
    sd: float | None

    @property
    def gap(self) -> float:
        """Share by which ours is better."""
        return self.ours / self.paper - 1

    @property
    def gap_in_sd(self) -> float | None:
        """The gap in spreads over seeds; None for a single seed."""
        return (self.ours - self.paper) / self.sd if self.sd else None

    @property
    def verdict(self) -> Verdict:
        """The verdict that ``RULE`` gives."""
        even = min(max(self.sd or 0.0, _EVEN * self.paper), _NEAR * self.paper)
        better = self.ours - self.paper
        if better > even:
            return Verdict.EXCEEDS
        if better >= -even:
            return Verdict.REACHED
        return Verdict.CLOSE if better >= -_NEAR * self.paper else Verdict.BELOW


@dataclass(frozen=True)
class VerifiedRow:
    """One variant that is a row of the paper, or of the toolbox."""

    variant: str
    paper_row: str
    seeds: tuple[int, ...]
    comparisons: tuple[MetricGap, ...]

    @property
    def verdict(self) -> Verdict:
        """The verdict of the worst metric."""
        return max(comparison.verdict for comparison in self.comparisons)

    def to_json(self, source: str) -> dict[str, Any]:
        """Plain values; ``source`` is the key of what is published."""
        return {
            "variant": self.variant,
            f"{source}_row": self.paper_row,
            "seeds": list(self.seeds),
            "verdict": str(self.verdict),
            "metrics": {
                found.metric: {
                    source: found.paper,
                    "mean": found.ours,
                    "sd": found.sd,
                    "gap": found.gap,
                    "gap_in_sd": found.gap_in_sd,
                    "verdict": str(found.verdict),
                }
                for found in self.comparisons
            },
        }


@dataclass(frozen=True)
class Verification:
    """A run folder against the paper.

    Attributes:
        dataset: The paper's name of the data set.
        rows: In the paper's order.
        toolbox: The variants of which the toolbox publishes numbers, in its order.
        gains: What CCDRec gains over its backbones, where both were run.
        without_value: Variants for which the paper prints nothing.
        not_measured: Variants that are rows of the paper, but without any metric it prints.
        not_run: Rows of the paper without a finished run here.
        errata: Misprints among the rows shown.
        data_notes: What the loader said about the data of the runs.
    """

    dataset: str
    rows: tuple[VerifiedRow, ...]
    without_value: tuple[str, ...]
    not_measured: tuple[str, ...]
    not_run: tuple[str, ...]
    errata: tuple[Erratum, ...]
    data_notes: tuple[str, ...]
    toolbox: tuple[VerifiedRow, ...] = ()
    gains: tuple[Gain, ...] = ()

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds that any row has, sorted."""
        rows = (*self.rows, *self.toolbox)
        return tuple(sorted({seed for row in rows for seed in row.seeds}))

    @property
    def drawn(self) -> tuple[str, ...]:
        """Rows without a printed value: the paper only draws them, in Figure 3."""
        return _drawn(self.without_value)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "dataset": self.dataset,
            "rule": RULE,
            "rows": [row.to_json("paper") for row in self.rows],
            "toolbox": [row.to_json("toolbox") for row in self.toolbox],
            "gains": [
                {
                    "base": gain.base,
                    "metric": GAIN_METRIC,
                    "paper": dict(gain.paper),
                    "mean": gain.mean,
                    "sd": gain.sd,
                    "gap_in_sd": gain.gap_in_sd,
                    "verdict": str(gain.verdict),
                }
                for gain in self.gains
            ],
            "without_paper_value": list(self.without_value),
            "figure_3_steps": list(self.drawn),
            "not_measured": list(self.not_measured),
            "not_run": list(self.not_run),
            "errata": [str(erratum) for erratum in self.errata],
            "data_notes": list(self.data_notes),
        }


def verify(folder: Path, dataset: str | None = None) -> Verification:
    """Compare the finished runs of a folder with what is published.

    Args:
        folder: A run folder, finished or not.
        dataset: ``baby``, ``sports`` or ``clothing``; None takes the name that the runs' data have.
            On data of another name only CCDRec's gains are compared, with all that the paper has.

    Raises:
        ConfigError: This is no run folder, nothing in it is finished or published, or its data are
            not the paper's.
        DamagedFileError: A file of the folder is not what its name says.
    """
    data = _data(folder)
    results = read_results(folder)
    if not results:
        raise ConfigError(
            "this folder holds no finished run yet",
            where=folder,
            hint="wait for one, or run its recipe",
        )
    paper = load_paper()
    elsewhere = str(data.get("name"))
    if dataset is None and elsewhere not in paper.sizes:
        found_gains = gains(results, paper, elsewhere)
        if found_gains:
            return Verification(
                elsewhere, (), (), (), (), (), tuple(data.get("notes", ())), gains=found_gains
            )
    dataset = _paper_dataset(folder, data, dataset)
    values = paper.values[dataset]
    toolbox = _toolbox(results, dataset)
    rows: list[VerifiedRow] = []
    without_value: list[str] = []
    not_measured: dict[str, str] = {}
    for row in build_table(results, {}).rows:
        paper_row = paper.row_of(row.variant, dataset)
        if paper_row is None:
            without_value.append(row.variant)
        elif found := _compare(row, values[paper_row]):
            rows.append(VerifiedRow(row.variant, paper_row, row.seeds, found))
        else:
            not_measured[row.variant] = paper_row
    if not rows and not toolbox:
        _refuse(folder, dataset, without_value, not_measured)
    order = list(values)
    shown = {row.paper_row for row in rows}
    return Verification(
        dataset=dataset,
        rows=tuple(sorted(rows, key=lambda row: order.index(row.paper_row))),
        without_value=tuple(without_value),
        not_measured=tuple(not_measured),
        not_run=tuple(name for name in order if name not in {*shown, *not_measured.values()}),
        errata=tuple(e for e in paper.errata if e.dataset == dataset and e.row in shown),
        data_notes=tuple(data.get("notes", ())),
        toolbox=toolbox,
        gains=gains(results, paper, dataset),
    )


def _refuse(
    folder: Path, dataset: str, without_value: Sequence[str], not_measured: Mapping[str, str]
) -> NoReturn:
    """Say why nothing of what was run here can be compared.

    Raises:
        ConfigError: Always.
    """
    values = load_paper().values[dataset]
    if not_measured:
        variant, paper_row = next(iter(not_measured.items()))
        raise ConfigError(
            f"the paper prints {', '.join(values[paper_row])} of {variant}, and none of them was "
            "measured here",
            where=folder,
            keys=("FullRanking.cutoffs", "FullRanking.metrics"),
            hint="add 5 and 10 to FullRanking.cutoffs and recall and ndcg to its metrics",
        )
    drawn = ", ".join(_drawn(without_value))
    figure = (
        f"Figure 3 has bars, but no printed values, for {drawn}: 'ccd plot ablation {folder}' "
        "draws that figure of these runs"
    )
    raise ConfigError(
        f"the paper prints no value on {dataset} for what was run here: {', '.join(without_value)}",
        where=folder,
        details=[figure] if drawn else [],
        hint=f"the paper's rows are {', '.join(values)}: name a folder that has one of them",
    )


def _toolbox(results: Sequence[RunResult], dataset: str) -> tuple[VerifiedRow, ...]:
    """The variants of which the toolbox publishes a number that was measured."""
    published = load_toolbox().values.get(dataset, {})
    rows = {row.variant: row for row in build_table(results, {}).rows}
    found = (
        VerifiedRow(name, name, rows[name].seeds, _compare(rows[name], values))
        for name, values in published.items()
        if name in rows
    )
    return tuple(row for row in found if row.comparisons)


def _data(folder: Path) -> dict[str, Any]:
    """What the manifest says of the data, now or, if it was cut short, before."""
    path = folder / MANIFEST_FILE
    if not path.is_file():
        raise ConfigError(
            f"this is no run folder: it has no {MANIFEST_FILE}",
            where=folder,
            hint="name a folder that 'ccd run' wrote",
        )
    manifest = read_manifest(folder)
    records = [manifest, *reversed(manifest.get("earlier", []))]
    return next((record["data"] for record in records if "data" in record), {})


def _paper_dataset(folder: Path, data: dict[str, Any], dataset: str | None) -> str:
    """The paper's data set that the runs' data are, by name and by size.

    Raises:
        ConfigError: There is no such one, or it has another size.
    """
    sizes = load_paper().sizes
    name = dataset or str(data.get("name"))
    if name not in sizes:
        hint = did_you_mean(name, sizes, "the paper's data sets")
        if dataset is None:
            hint = f"name the paper's data set with --dataset: {', '.join(sizes)}"
        raise ConfigError(f"the paper has no data set '{name}'", keys=("--dataset",), hint=hint)
    printed = asdict(sizes[name])
    # The manifest of an early version has not all of them.
    known = [part for part in printed if data.get(part) is not None]
    found, wanted = (
        ", ".join(f"{size[part]} {part[2:]}" for part in known) for size in (data, printed)
    )
    if found != wanted:
        raise ConfigError(
            f"these runs cannot be compared with the paper, whose {name} has {wanted}",
            where=folder,
            found=f"'{data.get('name')}' with {found}",
            hint="name the folder of a run on the paper's data",
        )
    return name


def _drawn(variants: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in variants if name in _FIGURE_3)


def _compare(row: Row, values: Mapping[str, float]) -> tuple[MetricGap, ...]:
    return tuple(
        MetricGap(metric, value, row.cells[metric].mean, row.cells[metric].sd)
        for metric, value in values.items()
        if metric in row.cells
    )
