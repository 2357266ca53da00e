"""``ccd list --matrix``: which negative sampler fits which backbone, and why the others do not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import ascii_letters
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table


@dataclass(frozen=True)
class Pair:
    """A backbone with a sampler; ``reason`` says why they do not fit, and is None where they do."""

    backbone: str
    sampler: str
    reason: str | None
    needs_pools: bool = False


def all_pairs() -> list[Pair]:
    """Every registered backbone with every registered sampler, by backbone.

    Raises:
        ConfigError: A part of the user's own is not of its family's base class.
    """
    from ccd.backbones.base import Backbone
    from ccd.negatives.base import Sampler

    backbones, samplers = _classes("backbone", Backbone), _classes("sampler", Sampler)
    return [
        Pair(b.__name__, s.__name__, s.misfit(b), s.needs_pools)
        for b in backbones
        for s in samplers
    ]


def _classes(family: str, base: type) -> list[Any]:
    """The family's classes, which say what they fit."""
    from ccd.errors import ConfigError
    from ccd.registry import components

    found: list[Any] = [c.target for c in components(family)]
    for target in found:
        if not (isinstance(target, type) and issubclass(target, base)):
            raise ConfigError(
                f"{family} '{target.__name__}' is no {base.__name__}, so what it fits is not "
                f"known; derive it from {base.__module__}.{base.__name__}"
            )
    return found


class MatrixView:
    """The pairs as a table: a mark for what fits, else the number of a reason below it.

    Where the samplers' names are too wide for the window, letters head the columns.
    """

    def __init__(self, pairs: list[Pair]) -> None:
        self._pairs = pairs
        self._pooled = list(dict.fromkeys(p.sampler for p in pairs if p.needs_pools))
        self._reasons = list(dict.fromkeys(p.reason for p in pairs if p.reason))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.measure import Measurement
        from rich.text import Text

        from ccd.reports.console import glyphs_for

        fits = glyphs_for(options).done
        samplers = list(dict.fromkeys(p.sampler for p in self._pairs))
        table = self._table([_heading(name) for name in samplers], fits, options.ascii_only)
        name = "@NAMESampler, its heading in one word"
        legend: dict[str, str] = {}
        unbounded = options.update(width=10_000)
        if Measurement.get(console, unbounded, table).maximum > options.max_width:
            legend = dict(zip(ascii_letters, samplers, strict=False))
            table = self._table(list(legend), fits, options.ascii_only)
            name = "@ and the name"
        yield table
        yield from (Text(f"{letter} {name}") for letter, name in legend.items())
        yield _hanging(fits, f"fits: Experiment.sampler = {name}")
        if self._pooled:
            yield Text(f"{', '.join(self._pooled)}: with the modules dma and ndi")
        yield Text("MCDRec is FREEDOM with other parts; MG goes with every row")
        for number, reason in enumerate(self._reasons, 1):
            yield _hanging(str(number), reason)

    def _table(self, headings: list[str], fits: str, ascii_only: bool) -> Table:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.ASCII if ascii_only else box.SIMPLE, padding=(0, 1))
        table.add_column("backbone", style="bold", overflow="fold")
        for heading in headings:
            table.add_column(heading, justify="center", overflow="fold")
        for backbone in dict.fromkeys(p.backbone for p in self._pairs):
            reasons = (p.reason for p in self._pairs if p.backbone == backbone)
            cells = (
                Text(fits, "green") if reason is None else str(self._reasons.index(reason) + 1)
                for reason in reasons
            )
            table.add_row(backbone, *cells)
        return table


def _hanging(mark: str, words: str) -> Table:
    """``words`` beside their ``mark``, so that a second line does not begin under it."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(mark, words)
    return grid


def _heading(name: str) -> str:
    """The name without its ending, a line for each of its words: ``MixGCFSampler``, Mix GCF."""
    return "\n".join(re.findall(r"[A-Z]+(?=[A-Z][a-z]|$)|.[^A-Z]*", name.removesuffix("Sampler")))
