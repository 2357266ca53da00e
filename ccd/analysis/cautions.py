"""What makes a comparison less fair than its numbers look: training cut short, seeds missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from ccd.runs.records import RunResult

UNLIKE = 3.0
"""Ratio of the most to the fewest epochs of two variants that is worth a warning."""


def cautions(by_variant: Mapping[str, Sequence[RunResult]], seeds: Iterable[int]) -> list[str]:
    """One sentence for each thing that a reader of the table should know.

    Args:
        by_variant: Variant to its finished runs.
        seeds: Those that every variant should have.
    """
    return [
        text
        for text in (_cut_short(by_variant), _unlike(by_variant), _missing(by_variant, seeds))
        if text
    ]


def _cut_short(by_variant: Mapping[str, Sequence[RunResult]]) -> str:
    found = [
        f"{variant} (seed {', '.join(str(run.seed) for run in cut)}, epoch {cut[0].epochs})"
        for variant, runs in by_variant.items()
        if (cut := [run for run in runs if run.refit is None and _is_cut(run)])
    ]
    if not found:
        return ""
    return (
        f"best at the last epoch that Trainer.epochs allows, so more epochs may be better: "
        f"{', '.join(found)}"
    )


def _is_cut(run: RunResult) -> bool:
    return 0 < run.max_epochs == run.best_epoch + 1


def _unlike(by_variant: Mapping[str, Sequence[RunResult]]) -> str:
    # What learns nothing has one epoch.
    epochs = {
        variant: fmean(run.epochs for run in runs)
        for variant, runs in by_variant.items()
        if max(run.epochs for run in runs) > 1
    }
    if not epochs:
        return ""
    least, most = min(epochs, key=lambda v: epochs[v]), max(epochs, key=lambda v: epochs[v])
    if epochs[most] < UNLIKE * epochs[least]:
        return ""
    return (
        f"very different numbers of epochs: {least} {epochs[least]:.0f}, {most} {epochs[most]:.0f}"
    )


def _missing(by_variant: Mapping[str, Sequence[RunResult]], seeds: Iterable[int]) -> str:
    wanted = sorted(set(seeds))
    lacking: dict[tuple[int, ...], list[str]] = {}
    for variant, runs in by_variant.items():
        missing = tuple(seed for seed in wanted if seed not in {run.seed for run in runs})
        if missing:
            lacking.setdefault(missing, []).append(variant)
    return "; ".join(
        f"no finished run with seed {', '.join(map(str, missing))}: {', '.join(variants)}"
        for missing, variants in lacking.items()
    )
