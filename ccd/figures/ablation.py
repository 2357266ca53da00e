"""The ablation figure: a bar per variant, one panel per metric."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

from ccd.analysis.tables import Table, meaning
from ccd.figures.style import COLOURS, GREY, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = ("recall@10", "recall@20", "ndcg@10", "ndcg@20")
"""Drawn where the table has them; otherwise its first four metrics."""

_BASELINE, _OTHER, _BEST = GREY, COLOURS[5], COLOURS[0]


def draw_ablation(table: Table) -> Figure:
    """Bars that lie, so that long names of variants can be read.

    Where the variants are close together the axis does not start at zero, and says so.

    Args:
        table: At least one variant.
    """
    metrics = [name for name in PANELS if name in table.metrics] or list(table.metrics[:4])
    columns = min(2, len(metrics))
    lines = math.ceil(len(metrics) / columns)
    names = ["\n".join(textwrap.wrap(row.variant, 26)) for row in table.rows]
    height = sum(0.34 + 0.16 * name.count("\n") for name in names) + 0.85
    figure = new_figure(1.9 + 4.3 * columns, lines * height + 1.0)
    panels = figure.subplots(lines, columns, squeeze=False).flat
    for index, axes in enumerate(panels):
        if index >= len(metrics):
            axes.set_axis_off()
            continue
        _draw_panel(axes, table, metrics[index])
        axes.set_yticks(range(len(names)), names if index % columns == 0 else [""] * len(names))
    figure.suptitle(_title(table), fontsize=12, x=0.01, ha="left")
    legend = "\n".join(textwrap.wrap(_legend(table), 75 * columns))
    figure.supxlabel(legend, fontsize=8, color="#444444", x=0.01, ha="left")
    return figure


def axis_floor(lowest: float, highest: float) -> float:
    """Where the axis starts: zero, unless the values differ by less than a third.

    Args:
        lowest: Smallest value shown, not negative.
        highest: Largest value shown.
    """
    if highest <= 0 or lowest < 2 / 3 * highest:
        return 0.0
    # As far below the lowest bar as the bars are apart, but never a sliver: at least a tenth.
    floor = lowest - max(highest - lowest, 0.1 * highest)
    step = 10 ** math.floor(math.log10(highest)) / 10
    return max(0.0, math.floor(floor / step) * step)


def _draw_panel(axes: Axes, table: Table, metric: str) -> None:
    cells = [row.cells[metric] for row in table.rows]
    seen = [value for cell in cells for value in cell.values]
    # A lone variant is compared with nothing, so its bar shows its size.
    floor = axis_floor(min(seen), max(seen)) if len(cells) > 1 else 0.0
    highest = max(seen)
    span = (highest - floor) or 1.0
    for position, (row, cell) in enumerate(zip(table.rows, cells, strict=True)):
        colour = _BEST if cell.rank == 1 else _OTHER
        colour = _BASELINE if row.variant == table.baseline else colour
        axes.barh(position, cell.mean - floor, left=floor, height=0.66, color=colour)
        end = cell.mean
        if cell.sd is not None:
            axes.errorbar(cell.mean, position, xerr=cell.sd, color="black", capsize=3, lw=1)
            offsets = [position + 0.18 * (-1) ** i for i in range(len(cell.values))]
            axes.plot(
                cell.values, offsets, "o", ms=3.2, mfc="white", mec="black", mew=0.7, zorder=3
            )
            end = max(cell.mean + cell.sd, *cell.values)
        axes.text(
            end + 0.02 * span,
            position,
            f"{cell.mean:.4f}{cell.mark}",
            va="center",
            fontsize=9,
            fontweight="bold" if cell.rank == 1 else "normal",
        )
    axes.set_xlim(floor, highest + 0.36 * span)
    axes.set_ylim(len(cells) - 0.4, -0.6)
    tidy(axes, metric)
    axes.tick_params(axis="y", labelsize=9, length=0)
    axes.locator_params(axis="x", nbins=5)
    if floor > 0:
        axes.set_xlabel(f"axis starts at {floor:g}, not at zero", fontsize=8, style="italic")


def _title(table: Table) -> str:
    kind = "seed" if len(table.seeds) == 1 else "seeds"
    return f"{table.dataset}: test metrics, {kind} {', '.join(map(str, table.seeds))}"


def _legend(table: Table) -> str:
    words = ["dark blue: best"] if len(table.rows) > 1 else []
    if table.baseline is not None:
        words.append(f"grey: baseline {table.baseline}")
    if len(table.seeds) > 1:
        words.append("dots: seeds, whisker: ± sd")
    if meaning(table):
        words.append(meaning(table))
    return "; ".join(words)
