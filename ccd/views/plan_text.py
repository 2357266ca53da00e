"""What ``ccd plan`` prints: a line per variant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ccd.config.recipe import Recipe
from ccd.planning import EPOCHS, VariantPlan
from ccd.terminal.console import duration
from ccd.terminal.visible import visible

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_MEANING = (
    "epoch: seconds of training, reverse process and validation; memory: largest resident memory; "
    "{epochs}, at most: a whole run that ends then, or at the limit of Trainer.epochs. Early "
    "stopping decides when it ends."
)


class PlanView:
    """Time and memory of each variant, and the sum over variants and seeds."""

    def __init__(self, recipe: Recipe, plans: Sequence[VariantPlan]) -> None:
        self._recipe, self._plans = recipe, plans

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        limit = max(each.max_epochs for each in self._plans)
        epochs = f"{min(EPOCHS, limit)} epochs"
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("variant", overflow="fold")
        for name in ("parameters", "memory", "checkpoint", "epoch", epochs, "at most"):
            table.add_column(name, justify="right", overflow="fold")
        for each in self._plans:
            table.add_row(
                visible(each.variant),
                f"{each.n_parameters:,}",
                f"{each.peak_mb:,.0f} MB",
                f"{each.checkpoint_mb:,.0f} MB",
                _seconds(each.seconds_per_epoch),
                duration(each.seconds()),
                duration(each.seconds(each.max_epochs)),
            )
        yield table
        n_seeds = len(self._recipe.seeds)
        whole = n_seeds * sum(each.seconds() for each in self._plans)
        yield Text(
            f"{n_seeds} seed{'s' * (n_seeds > 1)} of all, one after another, {epochs} each: "
            f"{duration(whole)}"
        )
        yield Text(_MEANING.format(epochs=epochs), style="dim")


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 10 else duration(seconds)
