"""How fast quality comes: the best validation metric so far against the seconds of training."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from ccd.figures.style import (
    COLOURS,
    DASHES,
    GREY,
    legend_label,
    listed_seeds,
    new_figure,
    single,
    tidy,
    wrapped,
)
from ccd.runs.records import EpochRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_speed(history: Sequence[EpochRecord], metric: str, dataset: str) -> Figure:
    """One line per run; a colour per variant, grey beyond the colours that can be told apart.

    Args:
        history: Epochs of at least one run.
        metric: Validation metric, such as ``recall@20``.
        dataset: Name of the data set.
    """
    runs: dict[tuple[str, int], list[EpochRecord]] = {}
    for record in history:
        runs.setdefault((record.variant, record.seed), []).append(record)
    variants = list(dict.fromkeys(variant for variant, _ in runs))
    figure = new_figure(7.4, 4.2 + 0.17 * len(variants))
    axes = figure.subplots()
    drawn: set[str] = set()
    for (variant, _), run in runs.items():
        place = variants.index(variant)
        seconds, best = quality_by_time(run, metric)
        axes.plot(
            seconds,
            best,
            drawstyle="steps-post",
            color=COLOURS[place] if place < len(COLOURS) else GREY,
            linestyle=DASHES[place % len(DASHES)],
            marker=single(seconds),
            lw=0.8 if variant in drawn else 1.6,
            label=None if variant in drawn else legend_label(wrapped(variant, 70)),
        )
        drawn.add(variant)
    tidy(axes, f"best validation {metric} so far", x="seconds of training", y=metric)
    axes.set_xlim(left=0)
    figure.legend(
        loc="outside lower left",
        fontsize=8,
        frameon=False,
        ncols=1 + (max(map(len, variants)) <= 40),
    )
    seeds = listed_seeds(sorted({seed for _, seed in runs}))
    figure.suptitle(f"{dataset}: quality by time, {seeds}", fontsize=11, x=0.01, ha="left")
    return figure


def quality_by_time(run: Sequence[EpochRecord], metric: str) -> tuple[list[float], list[float]]:
    """Seconds spent until each validation of a run, and the best value of the metric by then."""
    spent = accumulate(sum(record.seconds.values()) for record in run)
    found = [
        (seconds, record.valid[metric])
        for seconds, record in zip(spent, run, strict=True)
        if record.valid and metric in record.valid
    ]
    return [seconds for seconds, _ in found], list(accumulate((x for _, x in found), max))
