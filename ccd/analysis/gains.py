"""What CCDRec gains on each of its backbones, beside the gains that the paper prints.

A gain can be compared where the numbers themselves cannot: on a data set that the paper lacks.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ccd.analysis.paper import Paper
from ccd.analysis.verdicts import Verdict
from ccd.runs.records import RunResult

GAIN_METRIC = "recall@10"
_EVEN = 0.01
"""Gains that differ by less than one percentage point are the same."""

GAIN_RULE = (
    "reached: within one spread (sd over seeds) of the paper's gain, or one percentage point where "
    "that is more; exceeds, below: outside. On a data set that the paper lacks, within its least "
    "and largest gain."
)
"""How the verdict on a gain is found, in words."""


@dataclass(frozen=True)
class Gain:
    """The share of recall@10 that CCDRec gains over a backbone.

    Attributes:
        base: The backbone.
        paper: Data set to the gain that the paper prints.
        ours: One for each seed that both have.
    """

    base: str
    paper: Mapping[str, float]
    ours: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return statistics.fmean(self.ours)

    @property
    def sd(self) -> float | None:
        """Sample standard deviation over seeds; None for a single one."""
        return statistics.stdev(self.ours) if len(self.ours) > 1 else None

    @property
    def gap(self) -> float:
        """Ours less the paper's, or the nearest of its gains; 0 between two of them."""
        low, high = min(self.paper.values()), max(self.paper.values())
        return min(self.mean - low, 0.0) + max(self.mean - high, 0.0)

    @property
    def gap_in_sd(self) -> float | None:
        """The gap in spreads over seeds; None for a single seed."""
        return self.gap / self.sd if self.sd else None

    @property
    def verdict(self) -> Verdict:
        """The verdict that ``GAIN_RULE`` gives."""
        even = max(self.sd or 0.0, _EVEN)
        if abs(self.gap) <= even:
            return Verdict.REACHED
        return Verdict.EXCEEDS if self.gap > 0 else Verdict.BELOW


def gains(results: Sequence[RunResult], paper: Paper, dataset: str) -> tuple[Gain, ...]:
    """The gains of the pairs (backbone, CCDRec on it) that are among ``results``.

    Args:
        results: Finished runs of one data set.
        paper: What it prints.
        dataset: The data set; where the paper has it, its gain alone is beside ours, else all are.
    """
    of: dict[str, dict[int, float]] = {}
    for run in results:
        name = paper.aliases.get(run.variant, run.variant)
        if run.test.get(GAIN_METRIC):
            of.setdefault(name, {})[run.seed] = run.test[GAIN_METRIC]
    found = []
    for base, by_seed in of.items():
        with_ccdrec = of.get(f"CCDRec({base})", {})
        ours = tuple(
            with_ccdrec[seed] / value - 1 for seed, value in by_seed.items() if seed in with_ccdrec
        )
        printed = {
            name: rows[f"CCDRec({base})"][GAIN_METRIC] / rows[base][GAIN_METRIC] - 1
            for name, rows in paper.values.items()
            if base in rows and f"CCDRec({base})" in rows
        }
        if ours and printed:
            alone = {dataset: printed[dataset]} if dataset in printed else printed
            found.append(Gain(base, alone, ours))
    return tuple(found)
