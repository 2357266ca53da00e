"""Metrics that several runs all have: what they can be compared by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from ccd.errors import ConfigError
from ccd.finished.runs import FinishedRun
from ccd.suggestions import did_you_mean

Split = Literal["valid", "test"]


def common_metrics(runs: Sequence[FinishedRun], split: Split) -> list[str]:
    """Names that all runs have, in the order of the first; empty where there is none."""
    first, *others = (_values(run, split) for run in runs)
    return [name for name in first if all(name in values for values in others)]


def require_common(runs: Sequence[FinishedRun], split: Split) -> list[str]:
    """The names of ``common_metrics``.

    Raises:
        ConfigError: There is none; the message says which run has what.
    """
    found = common_metrics(runs, split)
    if not found and (refit := [run for run in runs if run.result.refit is not None]):
        raise ConfigError(
            "a refit was trained on all data, so nothing of it is measured",
            where=[run.folder for run in refit[:3]],
            hint="compare the runs that it is a refit of",
        )
    if not found:
        words = {"valid": "validation", "test": "test"}[split]
        raise ConfigError(
            f"the runs have no {words} metric in common",
            details=_listed(runs, split),
            keys=("FullRanking.metrics", "FullRanking.cutoffs"),
            hint="name folders that have one, or run them again with the same FullRanking.metrics "
            "and cutoffs",
        )
    return found


def choose_metric(runs: Sequence[FinishedRun], split: Split, wanted: str | None = None) -> str:
    """``wanted``; by default the metric that selects the epoch of a run, the first in their order.

    Raises:
        ConfigError: Not all runs have ``wanted``, or they have none in common.
    """
    known = require_common(runs, split)
    if wanted is None:
        chosen = (str(run.about.get("select")) for run in runs)
        return next((name for name in chosen if name in known), known[0])
    if wanted in known:
        return wanted
    if any(wanted in _values(run, split) for run in runs):
        what = f"not all runs have the metric '{wanted}'"
        raise ConfigError(what, details=_listed(runs, split), keys=("--metric",))
    hint = did_you_mean(wanted, known, "metrics")
    raise ConfigError(f"no metric '{wanted}'", keys=("--metric",), hint=hint)


def _values(run: FinishedRun, split: Split) -> Mapping[str, float]:
    return run.result.valid if split == "valid" else run.result.test


def _listed(runs: Sequence[FinishedRun], split: Split) -> list[str]:
    """A line for each list of metrics, with the runs that have it."""
    found: dict[str, list[str]] = {}
    for run in runs:
        found.setdefault(", ".join(_values(run, split)), []).append(str(run.folder))
    return [
        f"{places[0]}{f' and {len(places) - 1} more' if len(places) > 1 else ''}: {names}"
        for names, places in found.items()
    ]
