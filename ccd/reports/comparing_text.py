"""A comparison as text: terminal, Markdown, LaTeX and CSV, all from the same cells."""

from __future__ import annotations

import csv
import io
import math
import re
import statistics
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table as RichTable
from rich.text import Text

from ccd.reports.comparing import Compared, SliceRow
from ccd.reports.console import glyphs_for
from ccd.reports.table_text import TableView, caption, markdown_rows
from ccd.reports.table_text import to_markdown as table_markdown
from ccd.reports.tables import Cell, stars
from ccd.statistics.comparison import Contrast

Section = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
"""Title, header and rows of a table of plain text."""

_CONTRAST = ("difference", "interval", "p", "effect", "win", "tie", "loss")


class ComparedView:
    """Shows a comparison on a terminal."""

    def __init__(self, compared: Compared) -> None:
        self._compared = compared

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield TableView(self._compared.table)
        for title, header, rows in sections(self._compared, glyphs_for(options).plus_minus):
            yield Text(f"\n{title}", style="bold")
            widths = [max(len(cells[i]) for cells in (header, *rows)) for i in range(len(header))]
            # The first column's words are headings: there they have room.
            for group, members in groupby(rows, key=lambda row: row[0]):
                yield Text(group, style="italic")
                yield _grid(header[1:], [row[1:] for row in members], widths[1:])
        for note in self._compared.notes:
            yield Text(f"\nnote: {note}", style="dim")


def _grid(header: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> RichTable:
    grid = RichTable(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for index, (column, width) in enumerate(zip(header, widths, strict=True)):
        if index:
            grid.add_column(column, justify="right", no_wrap=True, min_width=width)
        else:
            grid.add_column(column, overflow="fold", min_width=min(width, 19))
    for row in rows:
        grid.add_row(*map(Text, row))
    return grid


def to_markdown(compared: Compared) -> str:
    """The tables one under the other, as Markdown."""
    parts = [table_markdown(compared.table).rstrip("\n")]
    for title, header, rows in sections(compared):
        escaped = [tuple(cell.replace("*", "\\*") for cell in row) for row in rows]
        parts.append("\n".join([f"## {title}", "", *markdown_rows(header, iter(escaped))]))
    parts += [f"- note: {note}" for note in compared.notes]
    return "\n\n".join(parts) + "\n"


def to_csv(compared: Compared) -> str:
    """One line per variant, metric and slice (``all`` for the whole), full precision."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = ("seeds", "n_users", "difference", "low", "high", "p_value", "effect", "wins", "losses")
    writer.writerow(["slice", "variant", "metric", "mean", "sd", *names])
    found = {(c.variant, c.metric): c for c in compared.table.contrasts}
    for row in compared.table.rows:
        for metric, cell in row.cells.items():
            contrast = found.get((row.variant, metric))
            writer.writerow(["all", row.variant, metric, cell.mean, cell.sd, *_plain(contrast)])
    for metric, rows in compared.slices.items():
        for one in rows:
            numbers = _plain(one.contrast)
            numbers[1] = one.n_users
            writer.writerow([one.slice, one.variant, metric, one.mean, None, *numbers])
    for variant, values in compared.beyond.items():
        for metric, per_seed in values.items():
            cell = Cell(per_seed)
            writer.writerow(["all", variant, metric, cell.mean, cell.sd, *_plain(None)])
    return out.getvalue()


def to_latex(compared: Compared) -> str:
    """The table of means for a paper: booktabs, best bold, second underlined, stars."""
    table = compared.table
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table}",
        "  \\centering",
        f"  \\caption{{{_latex(caption(table, gains=False))}}}",
        f"  \\begin{{tabular}}{{l{'r' * len(table.metrics)}}}",
        "    \\toprule",
        f"    variant & {' & '.join(map(_latex, table.metrics))} \\\\",
        "    \\midrule",
    ]
    for row in table.rows:
        cells = (_latex_cell(row.cells[metric]) for metric in table.metrics)
        lines.append(f"    {_latex(row.variant)} & {' & '.join(cells)} \\\\")
    lines += ["    \\bottomrule", "  \\end{tabular}", "\\end{table}"]
    return "\n".join(lines) + "\n"


def sections(compared: Compared, plus_minus: str = "±") -> Iterator[Section]:
    """What follows the table of means: contrasts, slices, beyond accuracy."""
    table = compared.table
    percent = f"{compared.confidence:.0%} bootstrap interval over users and seeds"
    if table.contrasts:
        rows = [(c.metric, c.variant, *_shown(c)) for c in table.contrasts]
        title = f"Against {table.baseline} ({table.test}; {percent})"
        yield title, ("metric", "variant", *_CONTRAST), rows
    for metric, found in compared.slices.items():
        header = ("slice", "variant", "mean", *_CONTRAST)
        yield f"{metric} by slice", header, [_slice_cells(row) for row in found]
    if compared.beyond:
        rows = [
            (name, variant, _spread(values[name], plus_minus))
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
        f"{contrast.p_value:.2g}{stars(contrast.p_value)}",
        effect,
        *(f"{share:.0%}" for share in (contrast.wins, contrast.ties, contrast.losses)),
    )


def _plain(contrast: Contrast | None) -> list[object]:
    if contrast is None:
        return [None] * 9
    return [
        len(contrast.seeds), contrast.n_users, contrast.difference, contrast.low, contrast.high,
        contrast.p_value, contrast.effect, contrast.wins, contrast.losses,
    ]  # fmt: skip


def _spread(values: Sequence[float], plus_minus: str) -> str:
    mean = f"{statistics.fmean(values):.4f}"
    return mean if len(values) < 2 else f"{mean} {plus_minus}{statistics.stdev(values):.4f}"


def _latex_cell(cell: Cell) -> str:
    mean = f"{cell.mean:.4f}"
    mean = {1: f"\\textbf{{{mean}}}", 2: f"\\underline{{{mean}}}"}.get(cell.rank, mean)
    sd = "" if cell.sd is None else f" {{\\scriptsize$\\pm${cell.sd:.4f}}}"
    return f"{mean}{f'$^{{{cell.stars}}}$' if cell.stars else ''}{sd}"


_SPECIAL = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
            "±": "$\\pm$", "<": "$<$", ">": "$>$", "|": "$|$"}  # fmt: skip


def _latex(text: str) -> str:
    """``text`` with LaTeX's special characters escaped."""
    return re.sub(r"[\\~^±<>|&%$#_{}]", lambda found: _SPECIAL.get(found[0], f"\\{found[0]}"), text)
