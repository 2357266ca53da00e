"""Figures of what finished runs wrote down: their metrics, epochs and seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ccd.analysis.common_metrics import choose_metric
from ccd.analysis.comparing import compare
from ccd.errors import ConfigError
from ccd.figures.ablation import draw_ablation
from ccd.figures.cost import draw_cost
from ccd.figures.curves import draw_curves
from ccd.figures.pools import draw_pools
from ccd.figures.speed import draw_speed
from ccd.figures.tradeoff import draw_tradeoff
from ccd.finished.runs import open_runs
from ccd.statistics.comparison import Comparison
from ccd.statistics.paired_tests import wilcoxon

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ccd.figures.plots import Request
    from ccd.runs.records import EpochRecord


def ablation(request: Request) -> Figure:
    """Test metrics of every variant of a run folder."""
    comparison = Comparison(test=wilcoxon, resamples=1)
    found = compare([request.folder], comparison=comparison, imports=request.imports)
    return draw_ablation(found.table)


def curves(request: Request) -> Figure:
    """Validation metric and loss over the epochs of a folder's runs."""
    return draw_curves(*_histories(request))


def speed(request: Request) -> Figure:
    """Validation metric against the seconds of a folder's runs."""
    return draw_speed(*_histories(request))


def tradeoff(request: Request) -> Figure:
    """Test metric against seconds, of every variant of a run folder."""
    runs = open_runs(request.folder, request.imports)
    metric = choose_metric(runs, "test", request.metric)
    return draw_tradeoff([run.result for run in runs], metric)


def _histories(request: Request) -> tuple[list[EpochRecord], str, str]:
    """The epochs of the runs that are asked for, the metric to draw and the data set's name."""
    runs = open_runs(request.folder, request.imports)
    if request.variant is not None:  # refused where there is none such
        runs = [run for run in runs if run.result.variant == request.run.result.variant]
    if request.seed is not None:
        seeds = list(dict.fromkeys(run.result.seed for run in runs))
        runs = [run for run in runs if run.result.seed == request.seed]
        if not runs:
            raise ConfigError(
                f"this folder has no finished run with seed {request.seed}",
                where=request.folder,
                keys=("--seed",),
                hint=f"it has seeds {', '.join(map(str, seeds))}",
            )
    history = [record for run in runs for record in run.history]
    metric = choose_metric(runs, "valid", request.metric)
    return history, metric, runs[0].result.dataset


def pools(request: Request) -> Figure:
    """Hardness of one run's negatives over its epochs."""
    return draw_pools(request.run.history, request.title)


def cost(request: Request) -> Figure:
    """Seconds of every variant of a run folder."""
    return draw_cost([run.result for run in open_runs(request.folder, request.imports)])
