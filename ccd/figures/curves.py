"""Training curves: the validation metric and the loss over epochs, pool switches marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ccd.figures.style import (
    COLOURS,
    DARK_GREY,
    DASHES,
    GREY,
    legend_label,
    listed_seeds,
    new_figure,
    single,
    tidy,
    whole_numbers,
    wrapped,
)  # fmt: skip
from ccd.negative_source import NegativeSource
from ccd.runs.records import EpochRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Runs = dict[str, dict[int, list[EpochRecord]]]
"""Variant to seed to the epochs of a run."""
_TOGETHER = len(COLOURS)
"""How many variants are told apart in one panel; more of them get a panel each."""


def draw_curves(history: Sequence[EpochRecord], metric: str, dataset: str) -> Figure:
    """One line per run; a mark where the negatives' source changes.

    Few variants share a panel, one colour each, with their losses below. More variants than there
    are colours get a small panel each, in which the others are grey.

    Args:
        history: Epochs of at least one run.
        metric: Validation metric, such as ``recall@20``.
        dataset: Name of the data set.
    """
    runs: Runs = {}
    for record in history:
        runs.setdefault(record.variant, {}).setdefault(record.seed, []).append(record)
    seeds = sorted({seed for of_variant in runs.values() for seed in of_variant})
    draw = _draw_together if len(runs) <= _TOGETHER else _draw_apart
    figure = draw(runs, metric)
    figure.suptitle(f"{dataset}: training, {listed_seeds(seeds)}", fontsize=11, x=0.01, ha="left")
    return figure


def _draw_together(runs: Runs, metric: str) -> Figure:
    from matplotlib.lines import Line2D

    figure = new_figure(7.4, 6.0 + 0.17 * len(runs))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    handles = []
    for index, (variant, of_variant) in enumerate(runs.items()):
        style: dict[str, Any] = {"color": COLOURS[index], "linestyle": DASHES[index]}
        for place, run in enumerate(of_variant.values()):
            _draw_metric(upper, run, metric, **style, **_weight(place))
            losses = {r.epoch: r.losses["total"] for r in run if "total" in r.losses}
            _draw_line(lower, losses, **style, **_weight(place))
        _mark_switches(upper, next(iter(of_variant.values())), metric, COLOURS[index])
        handles.append(Line2D([], [], lw=1.6, label=legend_label(wrapped(variant, 70)), **style))
    tidy(upper, f"validation {metric}", y=metric)
    tidy(lower, "training loss (sum of its terms)", x="epoch", y="loss")
    whole_numbers(lower)
    handles += _mark_handles(runs)
    figure.legend(handles=handles, loc="outside lower left", fontsize=8, frameon=False,
                  ncols=1 + (max(map(len, runs)) <= 40))  # fmt: skip
    return figure


def _draw_apart(runs: Runs, metric: str) -> Figure:
    columns = 4
    lines = math.ceil(len(runs) / columns)
    titles = [wrapped(variant, 28) for variant in runs]
    figure = new_figure(
        10.0, 0.8 + lines * (1.7 + 0.15 * max(title.count("\n") for title in titles))
    )
    panels = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True).flat
    for index, axes in enumerate(panels):
        if index >= len(runs):
            axes.set_axis_off()
            continue
        for place, of_variant in enumerate(runs.values()):
            if place != index:
                _draw_line(axes, _values(next(iter(of_variant.values())), metric), color=GREY,
                           lw=0.6, alpha=0.45)  # fmt: skip
        own = list(runs.values())[index]
        for place, run in enumerate(own.values()):
            _draw_metric(axes, run, metric, color=COLOURS[0], **_weight(place))
        _mark_switches(axes, next(iter(own.values())), metric, COLOURS[0])
        tidy(axes, "", x="epoch" if index >= (lines - 1) * columns else "",
             y=f"validation\n{metric}" if index % columns == 0 else "")  # fmt: skip
        axes.set_title(titles[index], fontsize=8.5, loc="left")
        axes.tick_params(labelbottom=index + columns >= len(runs))
        whole_numbers(axes)
    figure.legend(handles=_mark_handles(runs, others=True), loc="outside lower left", fontsize=8,
                  frameon=False, ncols=3)  # fmt: skip
    return figure


def switches(run: Sequence[EpochRecord]) -> list[tuple[int, NegativeSource]]:
    """Epochs at which the source of a run's negatives changes, with the new source."""
    return [(now.epoch, now.source) for before, now in pairwise(run) if before.source != now.source]


def _values(run: Sequence[EpochRecord], metric: str) -> dict[int, float]:
    return {r.epoch: r.valid[metric] for r in run if r.valid and metric in r.valid}


def _weight(place: int) -> dict[str, Any]:
    """The first seed is bold, the others are thin."""
    return {"lw": 0.8, "alpha": 0.5} if place else {"lw": 1.6, "alpha": 1.0}


def _draw_line(axes: Axes, values: dict[int, float], **style: Any) -> None:
    axes.plot(list(values), list(values.values()), marker=single(list(values)), ms=4, **style)


def _draw_metric(axes: Axes, run: Sequence[EpochRecord], metric: str, **style: Any) -> None:
    values = _values(run, metric)
    _draw_line(axes, values, **style)
    if values:
        best = max(values, key=lambda epoch: values[epoch])
        axes.plot(best, values[best], "*", color=style["color"], ms=9, mec="white", mew=0.6)


def _mark_switches(axes: Axes, run: Sequence[EpochRecord], metric: str, colour: str) -> None:
    values = _values(run, metric)
    for epoch, source in switches(run):
        near = values.get(epoch)
        if near is None:
            continue
        axes.plot(epoch, near, "|", color=colour, ms=11, mew=1.4)
        axes.annotate(
            source.short_label, (epoch, near), xytext=(1, -13), fontsize=7,
            textcoords="offset points", color=colour,
        )  # fmt: skip


def _mark_handles(runs: Runs, *, others: bool = False) -> list[Any]:
    """What the marks in the panels mean, as far as they occur."""
    from matplotlib.lines import Line2D

    firsts = {next(iter(of_variant)) for of_variant in runs.values()}
    colour = COLOURS[0] if others else DARK_GREY
    handles = [Line2D([], [], color=colour, marker="*", ls="none", ms=9, label="best epoch")]
    if any(len(of_variant) > 1 for of_variant in runs.values()):
        first = f"seed {firsts.pop()}" if len(firsts) == 1 else "first seed"
        for place, label in enumerate((f"bold: {first}", "thin: other seeds")):
            handles.append(Line2D([], [], color=colour, label=label, **_weight(place)))
    if any(switches(run) for of_variant in runs.values() for run in of_variant.values()):
        handles.append(Line2D([], [], color=colour, marker="|", ls="none", ms=11, mew=1.4,
                              label="hard negatives from another source from here on"))  # fmt: skip
    if others:
        handles.append(Line2D([], [], color=GREY, lw=0.6, label="the other variants, first seed"))
    return handles
