"""The tables of the report's page: means, seeds and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ccd.analysis.tables import Cell, Table
from ccd.views.html_parts import to_details, to_table, to_text, to_words
from ccd.views.table_text import caption


def main_table(table: Table) -> str:
    """The mean of every variant and metric, with its spread and its gain."""
    columns = ("variant", "seeds", *table.metrics)
    rows = [
        [to_words(row.variant), str(len(row.seeds)), *(_cell(row.cells[m]) for m in table.metrics)]
        for row in table.rows
    ]
    words = caption(table)
    if len(table.rows) > 1:
        words += " Best in bold, second underlined."
    cautions = "".join(f"<p>Warning: {to_text(caution)}.</p>" for caution in table.cautions)
    return to_table(columns, rows, raw=True) + f"<p>{to_text(words)}</p>" + cautions


def each_seed(table: Table) -> str:
    """What each mean is of, folded away; for the mouse it stands in the table of means too."""
    if len(table.seeds) < 2:
        return ""
    rows = [
        (row.variant, str(seed), *(f"{row.cells[m].values[i]:.4f}" for m in table.metrics))
        for row in table.rows
        for i, seed in enumerate(row.seeds)
    ]
    return to_details("Each seed", to_table(("variant", "seed", *table.metrics), rows))


def settings_html(settings: Mapping[str, Mapping[str, str]], variants: Sequence[str]) -> str:
    """All settings: those whose value differs, those that only some variants have, the others.

    A row names the variants that share a value, so that many variants fit as well as two.

    Args:
        settings: Setting to the value in each variant that has it.
        variants: All of them, in order.
    """
    differ: list[tuple[str, str, str]] = []
    partial: list[tuple[str, str, str]] = []
    same: list[tuple[str, str]] = []
    for key, values in settings.items():
        sharing: dict[str, list[str]] = {}
        for variant in variants:
            if variant in values:
                sharing.setdefault(values[variant], []).append(variant)
        rows = [(key, value, ", ".join(names)) for value, names in sharing.items()]
        if len(rows) > 1:
            differ += rows
        elif rows and len(sharing[rows[0][1]]) < len(variants):
            partial += rows
        else:
            same += [row[:2] for row in rows]
    head = ("setting", "value", "variants")
    shown = to_table(head, differ) if differ else "<p>No setting has two values.</p>"
    folded = (
        (f"{len(partial)} settings of parts that only some variants have", head, partial),
        (f"{len(same)} settings that are the same everywhere", head[:2], same),
    )
    return f"<h3>What differs</h3>{shown}" + "".join(
        to_details(title, to_table(header, rows)) for title, header, rows in folded if rows
    )


def _cell(cell: Cell) -> str:
    style = {1: "best", 2: "second"}.get(cell.rank, "other")
    sd = "" if cell.sd is None else f" <small>±{cell.sd:.4f}</small>"
    seeds = ", ".join(f"{value:.4f}" for value in cell.values)
    gain = "" if cell.gain is None else f"<br><small>{100 * cell.gain:+.1f}%{cell.mark}</small>"
    return f'<span class="{style}" title="seeds: {seeds}">{cell.mean:.4f}</span>{sd}{gain}'
