"""``ccd negatives`` for the terminal."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from ccd.finished.inspection import Inspected
from ccd.terminal.visible import cleaned

_SHOWN = 20
_MEANING = (
    "to positive, to user: cosine of hard negatives (median, 10 to 90 %) in final representations; "
    "random: the same median of uniform negatives\n"
    "false: validation positives of the user among the hard (random) negatives; repeats: hard "
    "(random) negatives that were drawn before\n"
    "gradient: share of the hard negatives in the gradient of both BPR terms"
)


class InspectedView:
    """One line per pool, then the items of the user that was asked for."""

    def __init__(self, found: Inspected) -> None:
        self._found = cleaned(found)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found = self._found
        source = "as recorded in training"
        if not found.recorded:
            source = f"drawn anew from the model of epoch {found.best_epoch}"
        yield Text(f"{found.variant}, seed {found.seed}: hard negatives, {source}\n", style="bold")
        table = _table("pool", "epochs", "to positive", "random", "to user", "random", "false",
                       "repeats", "gradient")  # fmt: skip
        for stage in found.stages:
            m = stage.measures
            epochs = "-".join(dict.fromkeys((str(stage.first), str(stage.last))))
            cells = [
                cell
                for to in ("positive", "user")
                for cell in (
                    f"{m[f'hard_to_{to}_50']:+.2f} ({m[f'hard_to_{to}_10']:+.2f} "
                    f"{m[f'hard_to_{to}_90']:+.2f})",
                    f"{m[f'random_to_{to}_50']:+.2f}",
                )
            ]
            shares = [
                f"{m[f'hard_{key}']:.1%} ({m[f'random_{key}']:.1%})" for key in ("false", "repeats")
            ]
            table.add_row(stage.source.label, epochs, *cells, *shares, f"{m['hard_gradient']:.0%}")
        yield table
        yield Text(f"\n{_MEANING}", style="dim")
        if found.user:
            yield Text(f"\n{found.user}", style="bold")
            named = any(item.name for item in found.items)
            items = _table("item", "drawn", "to positive", "to user", "")
            if named:
                items.add_column("name", overflow="fold")
            for item in found.items[:_SHOWN]:
                note = "validation positive" if item.held_out else ""
                items.add_row(
                    Text(item.item), f"{item.share:.1%}", f"{item.to_positive:+.2f}",
                    f"{item.to_user:+.2f}", note, *([Text(item.name)] if named else []),
                )  # fmt: skip
            yield items
            if len(found.items) > _SHOWN:
                rest = len(found.items) - _SHOWN
                yield Text(f"and {rest} more, drawn less often", style="dim")


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first, overflow="fold")
    for title in others:
        table.add_column(title, justify="right", overflow="fold")
    return table
