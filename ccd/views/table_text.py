"""An ablation table as text: for the terminal, as wide as it is, and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from ccd.analysis.tables import Cell, Row, Table, divergence, meaning, refits
from ccd.terminal.console import UNICODE, Glyphs, glyphs_for
from ccd.terminal.visible import cleaned, visible

_STYLES = {0: "", 1: "bold", 2: "underline"}
_MARKDOWN = {0: "{}", 1: "**{}**", 2: "<u>{}</u>"}

DEFINITIONS = {
    "recall": "Recall@K: share of a user's test items that are among the first K",
    "ndcg": "NDCG@K: discounted gain of the first K, divided by that of the best possible list",
    "precision": "Precision@K: share of the first K that are test items of the user",
    "map": "MAP@K: mean of the precision at each hit among the first K, over min(K, test items)",
    "hr": "HR@K: 1 for a user with a hit among the first K, else 0",
    "mrr": "MRR@K: one over the rank of the first hit among the first K, 0 without one",
}
"""How each metric is computed, by the part of its name before ``@``."""


class TableView:
    """Shows a table in the widest of three layouts that fits the terminal."""

    def __init__(self, table: Table) -> None:
        self._table = cleaned(table)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        glyphs = glyphs_for(options)
        if not self._table.metrics:
            yield Text(caption(self._table, glyphs=glyphs))
            return
        unbounded = options.update(width=10_000)
        for layout in (_by_metric(self._table, glyphs, " "), _by_metric(self._table, glyphs, "\n")):
            if Measurement.get(console, unbounded, layout).maximum <= options.max_width:
                yield layout
                break
        else:
            yield _by_variant(self._table, glyphs)
        yield Text(caption(self._table, glyphs=glyphs), style="dim")
        for caution in self._table.cautions:
            yield Text(f"warning: {caution}", style="yellow")


def caption(table: Table, *, gains: bool = True, glyphs: Glyphs = UNICODE) -> str:
    """What the numbers are, in one or two sentences; ``gains`` where they stand there too."""
    if not table.metrics:  # refits, of which nothing is measured
        return f"{table.dataset}. {refits(table)}"
    seeds = ", ".join(map(str, table.seeds))
    words = [f"{table.dataset}, test split, seed {seeds}."]
    if len(table.seeds) > 1:
        words = [f"{table.dataset}, test split, mean {glyphs.plus_minus} sd over seeds {seeds}."]
    if gains and table.baseline is not None and len(table.rows) > 1:
        words.append(f"Percent: gain over {table.baseline}.")
    if marks := meaning(table, glyphs.worse):
        words.append(f"{marks}.")
    words += [marks for marks in (divergence(table), refits(table)) if marks]
    return " ".join(words)


def to_markdown(table: Table) -> str:
    """The table, its p-values and what they mean, as Markdown."""
    lines = [f"# Ablation on {to_md(table.dataset)}", ""]
    lines += markdown_rows(
        ("variant", "seeds", *map(to_md, table.metrics)),
        (
            (
                to_md(row.variant),
                str(len(row.seeds)),
                *(markdown_cell(row.cells[m]) for m in table.metrics),
            )
            for row in table.rows
        ),
    )
    tested = [
        row for row in table.rows if any(cell.p_value is not None for cell in row.cells.values())
    ]
    if tested:
        lines += ["", f"p-value against {to_md(table.baseline or '')}", ""]
        lines += markdown_rows(
            ("variant", *map(to_md, table.metrics)),
            (
                (to_md(row.variant), *(_p_value(row.cells[m]) for m in table.metrics))
                for row in tested
            ),
        )
    lines += ["", *_explanation(table)]
    return "\n".join(lines) + "\n"


def markdown_rows(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """The lines of a table of Markdown cells; the first column is text, the others are numbers."""
    lines = [header, ("---", *["---:"] * (len(header) - 1)), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def to_md(text: str) -> str:
    """``text`` on one line, with Markdown's special characters escaped."""
    return re.sub(r"([\\`*_<>\[\]|~&])", r"\\\1", visible(text))


def _by_metric(table: Table, glyphs: Glyphs, join: str) -> RichTable:
    """One row per variant, one column per metric; spread and gain joined by space or newline."""
    grid = RichTable(box=None, pad_edge=False, padding=(0, 1 if join == "\n" else 2, 0, 0))
    grid.add_column("variant", no_wrap=True)
    for metric in table.metrics:
        grid.add_column(metric, justify="right", no_wrap=True)
    for row in table.rows:
        cells = []
        for metric in table.metrics:
            cell = row.cells[metric]
            text = Text(f"{cell.mean:.4f}", style=_STYLES[cell.rank])
            extra = join.join(filter(None, (_spread(cell, glyphs), _gain(cell, glyphs))))
            cells.append(Text.assemble(text, "\n", (extra, "dim")) if extra else text)
        grid.add_row(Text(_name(row, table)), *cells)
    return grid


def _by_variant(table: Table, glyphs: Glyphs) -> RichTable:
    """One block per variant, one line per metric: fits 40 columns."""
    blocks = RichTable(box=None, show_header=False, pad_edge=False, padding=0)
    for row in table.rows:
        blocks.add_row(Text(_name(row, table), style="bold"))
        lines = RichTable.grid(padding=(0, 1, 0, 0))
        for metric in table.metrics:
            cell = row.cells[metric]
            lines.add_row(
                Text(f" {metric}"),
                Text(f"{cell.mean:.4f}", style=_STYLES[cell.rank]),
                Text(_spread(cell, glyphs)),
                Text(_gain(cell, glyphs)),
            )
        blocks.add_row(lines)
    return blocks


def _spread(cell: Cell, glyphs: Glyphs = UNICODE) -> str:
    return "" if cell.sd is None else f"{glyphs.plus_minus}{cell.sd:.4f}"


def _gain(cell: Cell, glyphs: Glyphs = UNICODE) -> str:
    return "" if cell.gain is None else f"{100 * cell.gain:+.1f}%{cell.marked(glyphs.worse)}"


def _name(row: Row, table: Table) -> str:
    """The variant, with its number of seeds where it has fewer than others."""
    missing = len(row.seeds) < len(table.seeds)
    return (
        f"{row.variant} ({len(row.seeds)} of {len(table.seeds)} seeds)" if missing else row.variant
    )


def markdown_cell(cell: Cell) -> str:
    """Mean, spread and gain of a cell, as Markdown."""
    mean = _MARKDOWN[cell.rank].format(f"{cell.mean:.4f}")
    gain = to_md(_gain(cell))
    return " ".join(filter(None, (mean, _spread(cell), gain)))


def _p_value(cell: Cell) -> str:
    return "" if cell.p_value is None else f"{cell.p_value:.2g}"


def _explanation(table: Table) -> list[str]:
    """One list item each on data, metrics, marks and test."""
    kinds = dict.fromkeys(metric.partition("@")[0] for metric in table.metrics)
    lines = [
        f"- Data set {to_md(table.dataset)}, test split, each run at its best validation epoch; "
        f"seeds {', '.join(map(str, table.seeds))}.",
        "- "
        + "; ".join(DEFINITIONS.get(kind, to_md(kind)) for kind in kinds)
        + ". Mean over users; "
        "all items are ranked, a user's training items left out.",
        "- Mean over seeds, ± sample standard deviation; best in bold, second underlined.",
    ]
    if table.baseline is not None:
        pair = " (a user's value is the mean over those seeds)" * ("over users," in table.test)
        lines.append(
            f"- Percent: relative gain over {to_md(table.baseline)}, over the seeds both have. "
            f"Two-sided p-values: {table.test} over the variants of a metric{pair}."
        )
        marks = to_md(meaning(table))
        lines += [f"- {marks}."] if marks else []
    lines += [f"- {to_md(marks)}" for marks in (divergence(table), refits(table)) if marks]
    return lines + [f"- **Warning**: {to_md(caution)}." for caution in table.cautions]
