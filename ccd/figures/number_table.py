"""A small table of numbers below a panel: columns aligned, ruled as in a paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ccd.figures.style import DARK_GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMES = 0.28
"""Share of the width that the names of the rows take."""

LINE = 0.2
"""Height of a row in inches."""


def table_height(n_rows: int) -> float:
    """The height in inches that a table of ``n_rows`` rows below its header needs."""
    return LINE * (n_rows + 2)


def draw_number_table(axes: Axes, header: Sequence[str], rows: Mapping[str, Sequence[str]]) -> None:
    """Fill empty ``axes`` with a table; it takes as much height as ``table_height`` says.

    Args:
        axes: Nothing else is drawn there.
        header: Above the names of the rows, then above each column; may have two lines.
        rows: Name of each row to its cells, printed.
    """
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(len(rows), -2)
    step = (1 - _NAMES) / (len(header) - 1)
    ends = [_NAMES + step * (i + 1) for i in range(len(header) - 1)]
    head: dict[str, Any] = {"fontsize": 8.5, "va": "center", "linespacing": 1.1}
    axes.text(0, -1, header[0], ha="left", color=DARK_GREY, **head)
    for end, word in zip(ends, header[1:], strict=True):
        axes.text(end, -1, word, ha="right", color=DARK_GREY, **head)
    line: dict[str, Any] = {"fontsize": 8.5, "va": "center_baseline"}
    for place, (name, cells) in enumerate(rows.items()):
        axes.text(0, place + 0.5, name, ha="left", **line)
        for end, cell in zip(ends, cells, strict=True):
            axes.text(end, place + 0.5, cell.replace("-", "\N{MINUS SIGN}"), ha="right", **line)
    for height, width in ((-2, 1.0), (0, 0.6), (len(rows), 1.0)):
        axes.axhline(height, color="black", lw=width, clip_on=False)
