"""A comparison as a file for other programs: LaTeX for a paper, CSV for a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from ccd.analysis.across import Across
from ccd.analysis.comparing import Compared
from ccd.analysis.tables import WORSE, Cell
from ccd.statistics.comparison import Contrast
from ccd.terminal.visible import cleaned, visible
from ccd.views.across_text import caption as across_caption
from ccd.views.comparing_text import sections
from ccd.views.table_text import caption

_CONTRAST = ("seeds", "n_users", "difference", "low", "high", "p_value", "effect", "wins", "ties",
             "losses")  # fmt: skip
_WORDS = ("metric", "slice", "variant")
_DOWN = "\\downarrow"


def to_csv(compared: Compared) -> str:
    """One line per variant, metric and slice (``all`` for the whole), full precision.

    Warnings and notes have no place in it; ``ccd compare`` says them on standard error.
    """
    compared = cleaned(compared)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["slice", "variant", "metric", "mean", "sd", *_CONTRAST])
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
    """The tables for a paper: booktabs; of the means the best bold and the second underlined.

    What follows the table of means are tables of their own, to take or to leave; warnings and notes
    are comments.
    """
    table = compared.table
    means = [
        [_latex(row.variant), *(_latex_cell(row.cells[metric]) for metric in table.metrics)]
        for row in table.rows
    ]
    parts = [_table(caption(table, gains=False), ("variant", *table.metrics), means)]
    for section in sections(compared):
        cells = [list(map(_latex, row)) for row in section.rows]
        parts.append(_table(section.heading, section.header, cells, "\\footnotesize"))
    notes = [f"% warning: {visible(caution)}" for caution in table.cautions]
    notes += [f"% note: {visible(note)}" for note in compared.notes]
    return "\n".join(["% needs \\usepackage{booktabs}", *notes, *parts]) + "\n"


def across_to_latex(across: Across) -> str:
    """The table of several data sets for a paper: booktabs, data sets above their metrics."""
    datasets, metrics = tuple(across.by_dataset), across.metrics
    span, columns = len(metrics), len(metrics) * len(datasets)
    spans = [f"\\multicolumn{{{span}}}{{c}}{{{_latex(name)}}}" for name in datasets]
    rules = [f"\\cmidrule(lr){{{2 + i * span}-{1 + (i + 1) * span}}}" for i in range(len(datasets))]
    rows = []
    for variant in across.variants:
        found = [across.cell(variant, name, metric) for name in datasets for metric in metrics]
        rows.append([_latex(variant), *("" if c is None else _latex_cell(c) for c in found)])
    return "\n".join([
        "% needs \\usepackage{booktabs}",
        *(f"% warning: {caution}" for caution in across.cautions),
        *(f"% note: {note}" for note in across.notes),
        "\\begin{table}",
        "  \\centering",
        f"  \\caption{{{_latex(across_caption(across))}}}",
        f"  \\begin{{tabular}}{{l{'r' * columns}}}",
        "    \\toprule",
        f"    & {' & '.join(spans)} \\\\",
        f"    {' '.join(rules)}",
        f"    variant & {' & '.join(map(_latex, metrics * len(datasets)))} \\\\",
        "    \\midrule",
        *(f"    {' & '.join(row)} \\\\" for row in rows),
        "    \\bottomrule",
        "  \\end{tabular}",
        "\\end{table}",
    ]) + "\n"  # fmt: skip


def _table(words: str, header: Sequence[str], rows: Sequence[Sequence[str]], size: str = "") -> str:
    """A table; the cells of ``rows`` are LaTeX already. Columns of words stand at the left."""
    n_words = sum(name in _WORDS for name in header)
    return "\n".join([
        "\\begin{table}",
        f"  \\centering{size}",
        f"  \\caption{{{_latex(words)}}}",
        f"  \\begin{{tabular}}{{{'l' * n_words}{'r' * (len(header) - n_words)}}}",
        "    \\toprule",
        f"    {' & '.join(map(_latex, header))} \\\\",
        "    \\midrule",
        # After the end of a row, LaTeX takes a bracket or a star for an option of it.
        *(f"    {'{}' * row[0].startswith(('[', '*'))}{' & '.join(row)} \\\\" for row in rows),
        "    \\bottomrule",
        "  \\end{tabular}",
        "\\end{table}",
    ])  # fmt: skip


def _plain(contrast: Contrast | None) -> list[object]:
    if contrast is None:
        return [None] * len(_CONTRAST)
    return [
        len(contrast.seeds), contrast.n_users, contrast.difference, contrast.low, contrast.high,
        contrast.p_value, contrast.effect, contrast.wins, contrast.ties, contrast.losses,
    ]  # fmt: skip


def _latex_cell(cell: Cell) -> str:
    mean = f"{cell.mean:.4f}"
    mean = {1: f"\\textbf{{{mean}}}", 2: f"\\underline{{{mean}}}"}.get(cell.rank, mean)
    sd = "" if cell.sd is None else f" {{\\scriptsize$\\pm${cell.sd:.4f}}}"
    above = f"$^{{{cell.marked(_DOWN)}}}$" if cell.mark else ""
    return f"{mean}{above}{sd}"


_SPECIAL = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
            "±": "$\\pm$", WORSE: f"${_DOWN}$", "<": "$<$", ">": "$>$", "|": "$|$"}  # fmt: skip


def _latex(text: str) -> str:
    """``text`` with LaTeX's special characters escaped."""
    special = r"[\\~^±↓<>|&%$#_{}]"
    return re.sub(special, lambda found: _SPECIAL.get(found[0], f"\\{found[0]}"), visible(text))
