"""A comparison as text: for the terminal and as Markdown, from the same cells."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from ccd.analysis.comparing import Compared, SliceRow
from ccd.analysis.tables import mark
from ccd.statistics.comparison import Contrast
from ccd.terminal.console import glyphs_for
from ccd.terminal.grid import Grid
from ccd.views.table_text import TableView, markdown_rows, spelled
from ccd.views.table_text import to_markdown as table_markdown

Section = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
"""Title, header and rows of a table of plain text."""

_CONTRAST = ("difference", "interval", "p", "effect", "win", "tie", "loss")


class ComparedView:
    """Shows a comparison on a terminal."""

    def __init__(self, compared: Compared) -> None:
        self._compared = compared

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        glyphs = glyphs_for(options)
        yield TableView(self._compared.table)
        for title, header, cells in sections(self._compared):
            yield Text(f"\n{title}", style="bold")
            rows = [tuple(spelled(cell, glyphs) for cell in row) for row in cells]
            widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
            # The first column's words are headings: there they have room.
            for group, members in groupby(rows, key=lambda row: row[0]):
                yield Text(group, style="italic")
                parts = [row[1:] for row in members]
                yield Grid(header[1:], parts, {"interval": "difference"}, widths[1:])
        for note in self._compared.notes:
            yield Text(f"\nnote: {note}", style="dim")


def to_markdown(compared: Compared) -> str:
    """The tables one under the other, as Markdown."""
    parts = [table_markdown(compared.table).rstrip("\n")]
    for title, header, rows in sections(compared):
        escaped = [tuple(cell.replace("*", "\\*") for cell in row) for row in rows]
        parts.append("\n".join([f"## {title}", "", *markdown_rows(header, iter(escaped))]))
    parts += [f"- note: {note}" for note in compared.notes]
    return "\n\n".join(parts) + "\n"


def sections(compared: Compared) -> Iterator[Section]:
    """What follows the table of means: contrasts, slices, beyond accuracy."""
    yield from contrast_sections(compared)
    yield from slice_sections(compared)
    yield from beyond_sections(compared)


def contrast_sections(compared: Compared) -> Iterator[Section]:
    """The variants against the baseline; nothing where no test was possible."""
    table = compared.table
    percent = f"{compared.confidence:.0%} bootstrap interval over users and seeds"
    if table.contrasts:
        rows = [(c.metric, c.variant, *_shown(c)) for c in table.contrasts]
        title = f"Against {table.baseline} ({table.test}; {percent})"
        yield title, ("metric", "variant", *_CONTRAST), rows


def slice_sections(compared: Compared) -> Iterator[Section]:
    """One section per metric, where slices were asked for."""
    for metric, found in compared.slices.items():
        header = ("slice", "variant", "mean", *_CONTRAST)
        yield f"{metric} by slice", header, [_slice_cells(row) for row in found]


def beyond_sections(compared: Compared) -> Iterator[Section]:
    """The metrics of the lists themselves, where they were asked for."""
    if compared.beyond:
        rows: list[tuple[str, ...]] = [
            (name, variant, _spread(values[name]))
            for name in next(iter(compared.beyond.values()))
            for variant, values in compared.beyond.items()
        ]
        title = "Beyond accuracy (docs/metrics.md has the formulas)"
        yield title, ("metric", "variant", "value"), rows


def _slice_cells(row: SliceRow) -> tuple[str, ...]:
    numbers = _shown(row.contrast) if row.contrast else ("",) * len(_CONTRAST)
    users = f"{row.n_users:,} user{'s'[: row.n_users != 1]}"
    return f"{row.slice} ({users})", row.variant, f"{row.mean:.4f}", *numbers


def _shown(contrast: Contrast) -> tuple[str, ...]:
    interval = ""
    if contrast.low is not None and contrast.high is not None:
        interval = f"{contrast.low:+.4f} {contrast.high:+.4f}"
    effect = "" if math.isnan(contrast.effect) else f"{contrast.effect:+.2f}"
    return (
        f"{contrast.difference:+.4f}",
        interval,
        f"{contrast.p_value:.2g}{mark(contrast.p_value, worse=contrast.worse)}",
        effect,
        *(f"{share:.0%}" for share in (contrast.wins, contrast.ties, contrast.losses)),
    )


def _spread(values: Sequence[float]) -> str:
    mean = f"{statistics.fmean(values):.4f}"
    return mean if len(values) < 2 else f"{mean} ±{statistics.stdev(values):.4f}"
