"""``ccd recommend`` for the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from ccd.finished.recommendations import Recommendations
from ccd.terminal.visible import cleaned


class RecommendedView:
    """The items of each user, best first; of lists that are in a file only what they are.

    Args:
        found: The lists.
        file: Where they were written; None to show them.
    """

    def __init__(self, found: Recommendations, file: Path | None = None) -> None:
        self._found, self._file = found, file

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found, result = self._found, cleaned(self._found.result)
        yield Text(
            f"{result.variant}, seed {result.seed}, model of epoch {result.best_epoch}: "
            f"the {found.items.shape[1]} best items of each user",
            style="bold",
        )
        yield Text(
            f"without what the user has in '{result.dataset}': in train, validation and test",
            style="dim",
        )
        if self._file is not None:
            yield Text(f"{len(found.users):,} users: {self._file}")
            if found.n_cold:
                yield Text(
                    f"{found.n_cold:,} of them have no training interaction "
                    "(train_interactions 0): their lists are not personal"
                )
            return
        for record in map(cleaned, found.records()):
            known = record["train_interactions"]
            note = f"{known:,} training interactions"
            if known == 0:
                note = "no training interaction: this list is not personal"
            yield Text(f"\nuser {record['user']}, {note}", style="bold")
            yield _items(record["items"], named=bool(found.dataset.item_names))


def _items(items: list[dict[str, str | int | float]], *, named: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("rank", justify="right")
    table.add_column("item", overflow="fold")
    table.add_column("score", justify="right")
    if named:
        table.add_column("name", overflow="fold")
    for item in items:
        name = [Text(str(item["name"]))] if named else []
        table.add_row(str(item["rank"]), Text(str(item["item"])), f"{item['score']:.4g}", *name)
    return table
