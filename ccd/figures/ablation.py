"""The ablation figure: a dot per variant, one panel per metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from ccd.analysis.tables import Row, Table, meaning
from ccd.figures.style import COLOURS, DARK_GREY, listed_seeds, new_figure, tidy, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINE, _ROW = 0.16, 0.14
"""Inches that a line of a name takes, and the space around the name."""

_MANY = 10
"""With more variants, four panels stand side by side, so that names are not repeated."""


def draw_ablation(table: Table) -> Figure:
    """Dots with whiskers. They have no length that could mislead, so no axis starts at zero.

    What is filled is best and what is square is the baseline, so a baseline that is best, or ties
    with the best, is both.

    Args:
        table: At least one variant.
    """
    if len(table.rows) == 1:  # a lone variant is compared with nothing
        table = replace(table, baseline=None)
    metrics = table.metrics
    wanted = 4 if len(table.rows) > _MANY else max(2, math.ceil(len(metrics) / 2))
    columns = min(wanted, 4, len(metrics))
    lines = math.ceil(len(metrics) / columns)
    names = [_name(row, table) for row in table.rows]
    places = _places(names)
    width = 1.9 + 3.0 * columns
    key = wrapped(_key(table), int(16 * width), lines=4)
    height = lines * (places.height + 0.55) + 0.75 + 0.16 * key.count("\n")
    figure = new_figure(width, height)
    panels = figure.subplots(lines, columns, squeeze=False).flat
    for index, axes in enumerate(panels):
        if index >= len(metrics):
            axes.set_axis_off()
            continue
        _draw_panel(axes, table, metrics[index], places)
        axes.set_yticks(places.rows, names if index % columns == 0 else [""] * len(names))
    figure.suptitle(
        f"{table.dataset}: test metrics, {listed_seeds(table.seeds)}", fontsize=11, x=0.01,
        ha="left",
    )  # fmt: skip
    figure.legend(
        handles=_handles(table, metrics), title=key, loc="outside lower left", ncols=5, fontsize=8,
        title_fontsize=8, alignment="left", frameon=False,
    )  # fmt: skip
    return figure


class _Places(NamedTuple):
    """Where the rows lie, in inches from the top."""

    rows: list[float]
    height: float


def _places(names: list[str]) -> _Places:
    heights = [_ROW + _LINE * (1 + name.count("\n")) for name in names]
    ends = list(accumulate(heights))
    return _Places([end - height / 2 for end, height in zip(ends, heights, strict=True)], ends[-1])


def _draw_panel(axes: Axes, table: Table, metric: str, places: _Places) -> None:
    base = next(
        (row.cells[metric].mean for row in table.rows if row.variant == table.baseline), None
    )
    if base is not None:
        axes.axvline(base, color=DARK_GREY, lw=0.9, ls="--", zorder=1)
    for place, row in zip(places.rows, table.rows, strict=True):
        cell = row.cells[metric]
        look = _look(is_best=cell.rank == 1, is_baseline=row.variant == table.baseline)
        if cell.sd is not None:
            axes.errorbar(
                cell.mean, place, xerr=cell.sd, color=look["mec"], capsize=2.5, lw=1.1, zorder=2
            )
            axes.plot(cell.values, [place + 0.1] * len(cell.values), zorder=2, **_SEED)
        axes.plot(cell.mean, place, zorder=3, **look)
        _write_value(axes, place, f"{cell.mean:.4f}", cell.mark, is_best=cell.rank == 1)
    axes.set_ylim(places.height, 0)
    axes.margins(x=0.08)
    axes.grid(axis="x", color="#E6E6E6", lw=0.6)
    axes.grid(axis="y", color="#F0F0F0", lw=0.6)
    axes.set_axisbelow(True)
    tidy(axes, metric)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", labelsize=9, length=0)
    axes.locator_params(axis="x", nbins=4)


def _write_value(axes: Axes, place: float, value: str, mark: str, *, is_best: bool) -> None:
    """The mean beside the panel, in a column of its own, then its stars."""
    weight = "bold" if is_best else "normal"
    for text, offset, how in ((value, 8, weight), (mark, 46, "normal")):
        axes.annotate(
            text, (1, place), xycoords=axes.get_yaxis_transform(), xytext=(offset, -0.5),
            textcoords="offset points", va="center", fontsize=8.5, fontweight=how,
        )  # fmt: skip


_SEED: dict[str, Any] = {"marker": "o", "ls": "none", "ms": 2.8, "mfc": "black", "mec": "none",
                         "alpha": 0.55}  # fmt: skip


def _look(*, is_best: bool, is_baseline: bool) -> dict[str, Any]:
    """Shape and colour say which is the baseline, filling which is best: each without the other."""
    colour = DARK_GREY if is_baseline else COLOURS[0]
    return {
        "marker": "s" if is_baseline else "o", "ls": "none", "ms": 6.5, "mew": 1.4, "mec": colour,
        "mfc": colour if is_best else "white",
    }  # fmt: skip


def _handles(table: Table, metrics: Sequence[str]) -> list[Any]:
    """The legend: an entry for each look that occurs in the figure."""
    from matplotlib.lines import Line2D

    looks = {
        (row.cells[metric].rank == 1, row.variant == table.baseline)
        for row in table.rows
        for metric in metrics
    }
    handles = []
    if len(table.rows) > 1:
        for is_best, is_baseline in sorted(looks, key=lambda look: (not look[1], look[0])):
            name = "baseline" if is_baseline else "variant"
            label = f"{name}, best" if is_best else name
            handles.append(
                Line2D([], [], label=label, **_look(is_best=is_best, is_baseline=is_baseline))
            )
    if any(len(row.seeds) > 1 for row in table.rows):
        handles += [Line2D([], [], label="each seed", **_SEED)]
        handles += [
            Line2D([], [], color=DARK_GREY, lw=1.1, marker="|", ms=6, label="± sd over seeds")
        ]
    return handles


def _key(table: Table) -> str:
    """What the dashed line and the stars say."""
    if table.baseline is None:
        return ""
    words = f"dashed line: baseline {table.baseline}"
    return f"{words}; {meaning(table)}" if meaning(table) else words


def _name(row: Row, table: Table) -> str:
    """The variant, with its number of seeds where it has fewer than others."""
    name = wrapped(row.variant, 26)
    missing = len(row.seeds) < len(table.seeds)
    return f"{name}\n({len(row.seeds)} of {len(table.seeds)} seeds)" if missing else name
