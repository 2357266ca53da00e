"""A metric over a grid of two settings: a cell for each pair of values."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ccd.figures.style import GREY, RAMP, new_figure, tidy, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LARGEST = 12
"""Values of a setting beyond which the numbers in the cells cannot be read."""

Cells = Mapping[tuple[str, str], Sequence[float]]
"""Pair of values (of the first, of the second setting) to what was reached there."""


def is_grid(cells: Cells, columns: Sequence[str], rows: Sequence[str]) -> bool:
    """Whether most pairs of values were tried: a search draws pairs that hardly ever meet."""
    size = len(columns) * len(rows)
    return max(len(columns), len(rows)) <= _LARGEST and 2 * len(cells) > size


def draw_heat_map(
    cells: Cells, columns: Sequence[str], rows: Sequence[str], *, names: Sequence[str], metric: str
) -> Figure:
    """The mean of each cell as a number and a colour; the best is framed, missing ones hatched.

    Args:
        cells: What was reached; pairs that were not tried are left out.
        columns: Values of the first setting, in order.
        rows: Values of the second setting, in order; drawn from bottom to top.
        names: The two settings.
        metric: What the values are.
    """
    from matplotlib.colors import LinearSegmentedColormap, Normalize
    from matplotlib.patches import Rectangle

    means = {pair: statistics.fmean(values) for pair, values in cells.items()}
    best = max(means.values())
    colours = LinearSegmentedColormap.from_list("ramp", RAMP)
    scale = Normalize(min(means.values()), best)
    figure = new_figure(1.6 + 0.85 * max(len(columns), 3), 1.4 + 0.5 * max(len(rows), 3))
    axes = figure.subplots()
    for x, column in enumerate(columns):
        for y, row in enumerate(rows):
            mean, place = means.get((column, row)), (x - 0.5, y - 0.5)
            if mean is None:
                axes.add_patch(Rectangle(place, 1, 1, fc="#F4F4F4", ec=GREY, hatch="///", lw=0))
                continue
            dark, is_best = scale(mean) > 0.45, mean == best
            axes.add_patch(Rectangle(place, 1, 1, fc=colours(scale(mean)), ec="white", lw=1.2))
            axes.text(
                x, y, f"{mean:.4f}", ha="center", va="center", fontsize=9,
                color="white" if dark else "black", fontweight="bold" if is_best else "normal",
            )  # fmt: skip
            if is_best:
                frame = Rectangle(place, 1, 1, fill=False, ec="black", lw=2, zorder=3)
                frame.set_clip_on(False)
                axes.add_patch(frame)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(-0.5, len(rows) - 0.5)
    axes.set_xticks(range(len(columns)), [wrapped(text, 18, 2) for text in columns])
    axes.set_yticks(range(len(rows)), [wrapped(text, 18, 2) for text in rows])
    tidy(axes, metric, x=names[0], y=names[1].replace(".", ".\n"))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=9)
    axes.tick_params(axis="x", rotation=30 if max(map(len, columns)) > 9 else 0)
    words = ["framed: best"]
    if len(means) < len(columns) * len(rows):
        words.append("hatched: not tried")
    if any(len(values) > 1 for values in cells.values()):
        words.append("mean of the runs in a cell")
    figure.supxlabel("; ".join(words), fontsize=8, color="#444444", x=0.01, ha="left")
    return figure
