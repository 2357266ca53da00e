"""A table over several data sets: for the terminal, as Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from ccd.analysis.across import Across
from ccd.analysis.tables import Cell, meaning
from ccd.terminal.console import UNICODE, Glyphs, glyphs_for
from ccd.terminal.grid import Grid
from ccd.terminal.visible import cleaned
from ccd.views.table_text import markdown_cell, markdown_rows, to_md


class AcrossView:
    """A block for each metric, with a row for each variant and a column for each data set."""

    def __init__(self, across: Across) -> None:
        self._across = across

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        across, glyphs = cleaned(self._across), glyphs_for(options)
        datasets = tuple(across.by_dataset)
        for metric in across.metrics:
            yield Text(metric, style="bold")
            rows = [
                (
                    variant,
                    *(_plain(across.cell(variant, name, metric), glyphs) for name in datasets),
                )
                for variant in across.variants
            ]
            yield Grid(("variant", *datasets), rows)
            yield Text()
        yield Text(caption(across, glyphs), style="dim")
        for caution in across.cautions:
            yield Text(f"warning: {caution}", style="yellow")
        for note in across.notes:
            yield Text(f"note: {note}", style="dim")


def caption(across: Across, glyphs: Glyphs = UNICODE) -> str:
    """What the numbers are, and what the marks say."""
    seeds = sorted({s for found in across.by_dataset.values() for s in found.table.seeds})
    spread = f"mean {glyphs.plus_minus} sd over seeds" if len(seeds) > 1 else "seed"
    words = [f"Test split, {spread} {', '.join(map(str, seeds))}."]
    tested = next((c.table for c in across.by_dataset.values() if c.table.contrasts), None)
    if tested is not None:
        words.append(f"{meaning(tested, glyphs.worse)}.")
    return " ".join(words)


def to_markdown(across: Across) -> str:
    """One table with a column for each data set and metric."""
    datasets = tuple(across.by_dataset)
    header = tuple(to_md(f"{name} {metric}") for name in datasets for metric in across.metrics)
    rows = (
        (
            to_md(variant),
            *(
                "" if (cell := across.cell(variant, name, metric)) is None else markdown_cell(cell)
                for name in datasets
                for metric in across.metrics
            ),
        )
        for variant in across.variants
    )
    lines = [f"# {to_md(', '.join(datasets))}", "", *markdown_rows(("variant", *header), rows), ""]
    lines.append("- " + to_md(caption(across)) + " Best in bold, second underlined.")
    lines += [
        f"- Percent: relative gain over {to_md(str(across.baseline))}, over the seeds both have."
    ]
    lines += [f"- **Warning**: {to_md(caution)}." for caution in across.cautions]
    lines += [f"- note: {to_md(note)}" for note in across.notes]
    return "\n".join(lines) + "\n"


def to_csv(across: Across) -> str:
    """One line per data set, variant and metric, full precision; without warnings and notes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["dataset", "variant", "metric", "mean", "sd", "seeds", "gain", "p_value"])
    for dataset, variant, metric, cell in _cells(across):
        writer.writerow(
            [dataset, variant, metric, cell.mean, cell.sd, len(cell.values), cell.gain,
             cell.p_value]
        )  # fmt: skip
    return out.getvalue()


def _cells(across: Across) -> Iterator[tuple[str, str, str, Cell]]:
    for dataset in across.by_dataset:
        for variant in across.variants:
            for metric in across.metrics:
                cell = across.cell(variant, dataset, metric)
                if cell is not None:
                    yield dataset, variant, metric, cell


def _plain(cell: Cell | None, glyphs: Glyphs) -> str:
    if cell is None:
        return ""
    spread = "" if cell.sd is None else f" {glyphs.plus_minus}{cell.sd:.4f}"
    return f"{cell.mean:.4f}{cell.marked(glyphs.worse)}{spread}"
