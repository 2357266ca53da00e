"""``table.md`` and ``ablation.png`` of a run folder, made of what is finished in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ccd.analysis.tables import Table, build_table
from ccd.figures.ablation import draw_ablation
from ccd.figures.style import save
from ccd.files import write_text
from ccd.runs.folder import FIGURE_FILE, PER_USER_FILE, TABLE_FILE, read_results
from ccd.runs.per_user import read_per_user
from ccd.views.table_text import to_markdown


def read_table(
    folder: Path,
    baseline: str | None,
    variants: Sequence[str] = (),
    seeds: Sequence[int] = (),
) -> Table | None:
    """The table of all finished runs of a folder; None while there is none.

    Args:
        folder: A run folder.
        baseline: Variant that the others are compared with.
        variants: Order of the rows; any other variants follow in the order they were finished.
        seeds: Seeds that every variant should have; it is told which are missing.
    """
    results = read_results(folder)
    if not results:
        return None
    return build_table(
        results,
        read_per_user(folder / PER_USER_FILE),
        baseline=baseline,
        variants=variants,
        seeds=seeds,
    )


def write_reports(
    folder: Path,
    baseline: str | None,
    variants: Sequence[str] = (),
    seeds: Sequence[int] = (),
) -> Table | None:
    """Write the table and the figure of a folder, and return the table of ``read_table``.

    Of several processes that end together, each asks for them, but only the first writes them.
    """
    table = read_table(folder, baseline, variants, seeds)
    if table is not None and not _is_written(folder, to_markdown(table)):
        if table.metrics:  # variants whose evaluators differ may have none in common
            save(draw_ablation(table), folder / Path(FIGURE_FILE).stem, ["png"])
        write_text(folder / TABLE_FILE, to_markdown(table))  # last: it says that both are there
    return table


def _is_written(folder: Path, table: str) -> bool:
    """Whether a folder has this table, and the figure that was drawn before it."""
    file = folder / TABLE_FILE
    if not (file.is_file() and (folder / FIGURE_FILE).is_file()):
        return False
    return file.read_bytes() == table.encode(errors="backslashreplace")
