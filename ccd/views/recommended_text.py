"""``ccd recommend`` for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from ccd.finished.explanation import Explanation
from ccd.finished.inspection import name_of
from ccd.finished.recommendations import Recommendations
from ccd.finished.similar import SimilarItems
from ccd.terminal.visible import cleaned
from ccd.views.recommended_files import Written


class RecommendedView:
    """The items of each user, best first.

    Args:
        found: The lists.
    """

    def __init__(self, found: Recommendations) -> None:
        self._found = found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found = self._found
        yield from _about(found)
        for record in map(cleaned, found.records()):
            note = _NOTES.get(
                record["made_from"], f"{record['train_interactions']:,} training interactions"
            )
            if record["made_from"] == "vector" and record["train_interactions"] == 0:
                note = "no training interaction: this list is not personal"
            yield Text(f"\nuser {record['user']}, {note}", style="bold")
            yield _items(record["items"], named=bool(found.dataset.item_names))


class WrittenView:
    """What is in a file of lists.

    Args:
        written: What was written.
        file: Where.
    """

    def __init__(self, written: Written, file: Path) -> None:
        self._written, self._file = written, file

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        written = self._written
        yield from _about(written.first)
        yield Text(f"{written.n_users:,} users: {self._file}")
        if written.n_cold:
            yield Text(
                f"{written.n_cold:,} of them have no training interaction "
                "(train_interactions 0): their lists are not personal"
            )


class SimilarView:
    """The items near one.

    Args:
        found: The items.
    """

    def __init__(self, found: SimilarItems) -> None:
        self._found = found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found, result = self._found, cleaned(self._found.result)
        item = cleaned(name_of(found.item, found.dataset.item_ids))
        yield Text(
            f"{result.variant}, seed {result.seed}, {result.made}: the "
            f"{len(found.items)} items most like {item}, by cosine ({cleaned(found.space)})",
            style="bold",
        )
        named = bool(found.dataset.item_names)
        yield _items([cleaned(record) for record in found.records()], named=named)


class ExplainedView:
    """Where one score comes from.

    Args:
        found: The explanation.
    """

    def __init__(self, found: Explanation) -> None:
        self._found = found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found = cleaned(self._found.to_json())
        yield Text(
            f"{found['variant']}, seed {found['seed']}: the score of item {found['item']} for user "
            f"{found['user']} is {found['score']:.4g}, rank {found['rank']:,} of what the user has "
            "not taken",
            style="bold",
        )
        if found["paths"] is None:
            yield Text("this backbone does not split its score by path")
        else:
            table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
            table.add_column("path", overflow="fold")
            table.add_column("score", justify="right")
            for path, part in found["paths"].items():
                table.add_row(Text(path), f"{part:+.4g}")
            yield table
        yield from _without(found)
        if not found["history"]:
            yield Text("\nthe user has no other training interaction")
            return
        yield Text("\nthe nearest items of the user's own, by cosine", style="bold")
        yield _items(found["history"], named="name" in found["history"][0])


def _without(found: dict[str, Any]) -> Iterator[Text | Table]:
    """Score and rank without each modality, and what changes."""
    if found["without"] is None:
        yield Text("\nbuilt again, this model gives other vectors: it cannot leave a modality out")
        return
    if not found["without"]:
        yield Text("\nthis model reads no features, so there is no modality to leave out")
        return
    yield Text("\nthe same model where no item has a modality", style="bold")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("without", overflow="fold")
    for column in ("score", "change", "rank"):
        table.add_column(column, justify="right")
    for modality, at in found["without"].items():
        change = at["score"] - found["score"]
        table.add_row(Text(modality), f"{at['score']:.4g}", f"{change:+.4g}", f"{at['rank']:,}")
    yield table


_NOTES = {
    "history": "unknown to the run: made from the history",
    "popular": "unknown to the run: popular items",
}


def _about(found: Recommendations) -> Iterator[Text]:
    result = cleaned(found.result)
    yield Text(
        f"{result.variant}, seed {result.seed}, {result.made}: "
        f"the {found.items.shape[1]} best items of each user",
        style="bold",
    )
    what = "with" if found.keeps_seen else "without"
    yield Text(
        f"{what} what the user has in '{result.dataset}': in train, validation and test",
        style="dim",
    )


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
