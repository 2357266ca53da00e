"""A comparison as text: for the terminal and as Markdown, from the same cells."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from ccd.analysis.comparing import Compared, SliceRow
from ccd.analysis.tables import mark
from ccd.statistics.comparison import Contrast
from ccd.terminal.console import UNICODE, Glyphs, glyphs_for
from ccd.terminal.grid import Grid
from ccd.terminal.visible import cleaned
from ccd.views.table_text import TableView, markdown_rows, to_md
from ccd.views.table_text import to_markdown as table_markdown

_CONTRAST = ("difference", "interval", "p", "effect", "win", "tie", "loss")


class Section(NamedTuple):
    """A table of plain text.

    Attributes:
        title: Heading, in a few words.
        header: Names of the columns.
        rows: As many cells each.
        more: What the heading says beyond its title.
    """

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    more: str

    @property
    def heading(self) -> str:
        """All of the heading."""
        return f"{self.title} ({self.more})" if self.more else self.title


class ComparedView:
    """Shows a comparison on a terminal."""

    def __init__(self, compared: Compared) -> None:
        self._compared = cleaned(compared)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        glyphs = glyphs_for(options)
        yield TableView(self._compared.table)
        for section in sections(self._compared, glyphs):
            header, rows = section.header, section.rows
            yield Text(f"\n{section.heading}", style="bold")
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
    for section in sections(compared):
        header, *rows = (tuple(map(to_md, row)) for row in (section.header, *section.rows))
        lines = markdown_rows(header, rows)
        parts.append("\n".join([f"## {to_md(section.heading)}", "", *lines]))
    parts += [f"- note: {to_md(note)}" for note in compared.notes]
    return "\n\n".join(parts) + "\n"


def sections(compared: Compared, glyphs: Glyphs = UNICODE) -> Iterator[Section]:
    """What follows the table of means: contrasts, slices, beyond accuracy."""
    yield from contrast_sections(compared, glyphs)
    yield from slice_sections(compared, glyphs)
    yield from beyond_sections(compared, glyphs)


def contrast_sections(compared: Compared, glyphs: Glyphs = UNICODE) -> Iterator[Section]:
    """The variants against the baseline; nothing where no test was possible."""
    table = compared.table
    percent = f"{compared.confidence:.0%} bootstrap interval over users and seeds"
    if table.contrasts:
        rows = [(c.metric, c.variant, *_shown(c, glyphs)) for c in table.contrasts]
        header = ("metric", "variant", *_CONTRAST)
        yield Section(f"Against {table.baseline}", header, rows, f"{table.test}; {percent}")


def slice_sections(compared: Compared, glyphs: Glyphs = UNICODE) -> Iterator[Section]:
    """One section per metric, where slices were asked for."""
    for metric, found in compared.slices.items():
        header = ("slice", "variant", "mean", *_CONTRAST)
        rows = [_slice_cells(row, glyphs) for row in found]
        yield Section(f"{metric} by slice", header, rows, "")


def beyond_sections(compared: Compared, glyphs: Glyphs = UNICODE) -> Iterator[Section]:
    """The metrics of the lists themselves, where they were asked for."""
    if compared.beyond:
        rows: list[tuple[str, ...]] = [
            (name, variant, _spread(values[name], glyphs))
            for name in next(iter(compared.beyond.values()))
            for variant, values in compared.beyond.items()
        ]
        more = "docs/metrics.md has the formulas"
        yield Section("Beyond accuracy", ("metric", "variant", "value"), rows, more)


def _slice_cells(row: SliceRow, glyphs: Glyphs) -> tuple[str, ...]:
    numbers = _shown(row.contrast, glyphs) if row.contrast else ("",) * len(_CONTRAST)
    users = f"{row.n_users:,} user{'s'[: row.n_users != 1]}"
    return f"{row.slice} ({users})", row.variant, f"{row.mean:.4f}", *numbers


def _shown(contrast: Contrast, glyphs: Glyphs) -> tuple[str, ...]:
    interval = ""
    if contrast.low is not None and contrast.high is not None:
        interval = f"{contrast.low:+.4f} {contrast.high:+.4f}"
    effect = "" if math.isnan(contrast.effect) else f"{contrast.effect:+.2f}"
    return (
        f"{contrast.difference:+.4f}",
        interval,
        f"{contrast.p_value:.2g}{mark(contrast.p_value, worse=contrast.worse, down=glyphs.worse)}",
        effect,
        *(f"{share:.0%}" for share in (contrast.wins, contrast.ties, contrast.losses)),
    )


def _spread(values: Sequence[float], glyphs: Glyphs) -> str:
    mean = f"{statistics.fmean(values):.4f}"
    return mean if len(values) < 2 else f"{mean} {glyphs.plus_minus}{statistics.stdev(values):.4f}"
