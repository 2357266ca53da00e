"""What quality costs: a test metric of each variant against the seconds that its runs took."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ccd.figures.style import COLOURS, DARK_GREY, GREY, listed_seeds, new_figure, tidy, wrapped
from ccd.runs.records import RunResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINE = 0.19
"""Inches between two names."""


def draw_tradeoff(results: Sequence[RunResult], metric: str) -> Figure:
    """A dot per variant, the mean over its seeds; filled where no other is both better and quicker.

    Names stand in a column of their own, in the order of the metric, so that they never overlap.

    Args:
        results: Finished runs on one data set, at least one.
        metric: Test metric, such as ``recall@20``; larger is better.
    """
    variants = list(dict.fromkeys(result.variant for result in results))
    points = {variant: _point(results, variant, metric) for variant in variants}
    front = pareto_front(points)
    figure = new_figure(9.0, max(3.6, 1.3 + _LINE * len(points)))
    axes, names = figure.subplots(1, 2, width_ratios=(2.2, 1))
    for variant, (seconds, value) in points.items():
        is_best = variant in front
        axes.plot(
            seconds,
            value,
            marker="o",
            ms=6,
            mec=COLOURS[0] if is_best else DARK_GREY,
            mfc=COLOURS[0] if is_best else "white",
            zorder=3,
        )
    axes.step(*zip(*(points[v] for v in front), strict=True), where="post", color=COLOURS[0], lw=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(color="#E6E6E6", lw=0.6)
    axes.set_axisbelow(True)
    tidy(axes, f"test {metric}", x="seconds of a run, training to test")
    _name(axes, names, points, front)
    seeds = listed_seeds(sorted({result.seed for result in results}))
    figure.suptitle(
        f"{results[0].dataset}: quality against cost, {seeds}", fontsize=11, x=0.01, ha="left"
    )
    return figure


def pareto_front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Those that no other one equals or exceeds in less time, the quickest first.

    Args:
        points: Seconds and metric by name.
    """
    front: list[str] = []
    for name in sorted(points, key=lambda name: (points[name][0], -points[name][1])):
        if not front or points[name][1] > points[front[-1]][1]:
            front.append(name)
    return front


def _point(results: Sequence[RunResult], variant: str, metric: str) -> tuple[float, float]:
    """Mean seconds and mean metric of a variant's runs."""
    runs = [result for result in results if result.variant == variant]
    seconds = statistics.fmean(run.seconds["total"] for run in runs)
    return seconds, statistics.fmean(run.test[metric] for run in runs)


def _name(
    axes: Axes, names: Axes, points: Mapping[str, tuple[float, float]], front: Sequence[str]
) -> None:
    """Each dot's name beside the panel, joined to it by a thin line."""
    names.set_axis_off()
    names.set(xlim=(0, 1), ylim=(-0.5, len(points) - 0.5))
    ordered = sorted(points, key=lambda name: points[name][1])
    for place, name in enumerate(ordered):
        axes.annotate(
            "",
            xy=points[name],
            xytext=(0.04, place),
            textcoords=names.transData,
            arrowprops={"arrowstyle": "-", "color": GREY, "lw": 0.5, "shrinkA": 0, "shrinkB": 3},
            annotation_clip=False,
        )
        names.text(
            0.06,
            place,
            f"{points[name][1]:.4f}  {wrapped(name, 32, 1)}",
            va="center",
            fontsize=8,
            color=COLOURS[0] if name in front else "black",
        )
