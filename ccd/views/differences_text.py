"""``ccd diff`` for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from ccd.analysis.differences import Change, Differences
from ccd.analysis.tables import LEVELS, mark
from ccd.terminal.console import Glyphs, glyphs_for
from ccd.terminal.grid import Grid
from ccd.terminal.visible import cleaned


class DifferencesView:
    """A section for each kind of difference; what is the same is said in a word."""

    def __init__(self, found: Differences) -> None:
        self._found = cleaned(found)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found = self._found
        yield Text(f"first:  {found.first}\nsecond: {found.second}")
        for title, changes in (
            ("settings", found.settings),
            ("how it ran (cannot change what is learned)", found.how_it_ran),
            ("data", found.data),
            ("versions and machine", found.versions),
        ):
            yield Text(f"\n{title}", style="bold")
            alone = one_sided(changes)
            rest = [change for change in changes if _component(change) not in alone]
            if rest or not changes:
                yield _changes(rest) if rest else Text("the same")
            for side in ("first", "second"):
                names = [f"{name} ({n} settings)" for name, (of, n) in alone.items() if of == side]
                if names:
                    yield Text(f"only in the {side}: {', '.join(names)}")
        if found.metrics:
            yield Text("\ntest metrics", style="bold")
            yield _metrics(found, glyphs_for(options))
            if any(row.contrast for row in found.metrics):
                down = glyphs_for(options).worse
                words = f"{LEVELS}, two-sided; {down}: the second is worse"
                yield Text(words, style="dim")
        if found.users:
            yield Text(f"\nusers whose {found.user_metric} changed most", style="bold")
            table = _table("user", "first", "second", "change")
            for user in found.users:
                change = user.second - user.first
                cells = (f"{user.first:.4f}", f"{user.second:.4f}", f"{change:+.4f}")
                table.add_row(Text(user.user), *cells)
            yield table
        for note in found.notes:
            yield Text(f"\nnote: {note}", style="dim")


def one_sided(changes: Sequence[Change]) -> dict[str, tuple[str, int]]:
    """Components of which one run has no setting: which run has them, and how many settings."""
    found: dict[str, list[Change]] = {}
    for change in changes:
        if "." in change.key:
            found.setdefault(_component(change), []).append(change)
    return {
        name: ("second" if members[0].first is None else "first", len(members))
        for name, members in found.items()
        if all(m.first is None for m in members) or all(m.second is None for m in members)
    }


def _component(change: Change) -> str:
    return change.key.rpartition(".")[0]


def _changes(changes: Sequence[Change]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("", "first", "second"):
        table.add_column(title, overflow="fold")
    for change in changes:
        values = (value if value is not None else "-" for value in (change.first, change.second))
        table.add_row(Text(change.key), *map(Text, values))
    return table


def _metrics(found: Differences, glyphs: Glyphs) -> Grid:
    rows = []
    for row in found.metrics:
        cells = [row.metric, f"{row.first:.4f}", f"{row.second:.4f}"]
        contrast = row.contrast
        if contrast is None or contrast.low is None or contrast.high is None:
            cells += [f"{row.second - row.first:+.4f}", *[""] * 5]
        else:
            cells += [
                f"{contrast.difference:+.4f}",
                f"{contrast.low:+.4f} {contrast.high:+.4f}",
                f"{contrast.p_value:.2g}"
                f"{mark(contrast.p_value, worse=contrast.worse, down=glyphs.worse)}",
                *(f"{share:.0%}" for share in (contrast.wins, contrast.ties, contrast.losses)),
            ]
        rows.append(cells)
    header = ("metric", "first", "second", "change", "95 %", "p", "up", "same", "down")
    return Grid(header, rows, under={"95 %": "change"})


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column(first, overflow="fold")
    for title in others:
        table.add_column(title, justify="right", no_wrap=True)
    return table
