"""``ccd list --matrix``: which sampler, and whether DMA, fits which backbone, and why not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import ascii_letters
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

_USES = {
    "CurricularSampler": (
        "CNS (modules dma, ndi, cns), or NDI's last pool (modules dma, ndi) as "
        "@ndi/CurricularSampler"
    ),
    "SharedCurricularSampler": "CNS in a softmax (modules dma, ndi, cns_softmax)",
}
"""What a sampler that reads NDI's pools is called by the modules that bind it."""


@dataclass(frozen=True)
class Pair:
    """A backbone with a sampler.

    Attributes:
        backbone: Its name.
        sampler: Its name.
        reason: Why they do not fit; None where they do.
        needs_pools: Whether the sampler reads NDI's pools.
        no_dma: Why DMA does not fit the backbone, whatever the sampler; None where it does.
    """

    backbone: str
    sampler: str
    reason: str | None
    needs_pools: bool = False
    no_dma: str | None = None


def all_pairs() -> list[Pair]:
    """Every registered backbone with every registered sampler, by backbone.

    Raises:
        ConfigError: A part of the user's own is not of its family's base class.
    """
    from ccd.backbones.base import Backbone
    from ccd.negatives.base import Sampler

    backbones, samplers = _classes("backbone", Backbone), _classes("sampler", Sampler)
    return [
        Pair(b.__name__, s.__name__, s.misfit(b), s.needs_pools, b.misfit(fusion=True))
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
                f"{family} '{target.__name__}' is no {base.__name__}, so it cannot be asked what "
                "it fits",
                keys=(target.__name__,),
                hint=f"derive it from {base.__module__}.{base.__name__}",
            )
    return found


class MatrixView:
    """The pairs as a table: a mark for what fits, else the number of a note below it.

    The samplers' names head the columns, whole or, in a narrower window, broken into words; where
    these are too wide too, letters do.
    """

    def __init__(self, pairs: list[Pair]) -> None:
        self._samplers = list(dict.fromkeys(p.sampler for p in pairs))
        self._pooled = list(dict.fromkeys(p.sampler for p in pairs if p.needs_pools))
        self._rows: dict[str, list[str | None]] = {}
        self._notes: dict[str, list[str]] = {}
        for pair in pairs:
            row = self._rows.setdefault(pair.backbone, [self._note(pair.backbone, pair.no_dma)])
            row.append(self._note(pair.backbone, pair.reason))

    def _note(self, backbone: str, reason: str | None) -> str | None:
        """The reason, noted for every backbone that has it."""
        if reason is not None:
            backbones = self._notes.setdefault(reason, [])
            if backbone not in backbones:
                backbones.append(backbone)
        return reason

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.measure import Measurement
        from rich.text import Text

        from ccd.terminal.console import glyphs_for

        fits, ascii_only = glyphs_for(options).done, options.ascii_only
        unbounded = options.update(width=10_000)
        whole = [name.removesuffix("Sampler") for name in self._samplers]
        named = (self._table(names, fits, ascii_only) for names in (whole, map(_broken, whole)))
        table = next(
            (
                table
                for table in named
                if Measurement.get(console, unbounded, table).maximum <= options.max_width
            ),
            None,
        )
        name = "@ and the heading in one word with Sampler after it (@DNSSampler)"
        legend: dict[str, str] = {}
        if table is None:
            legend = dict(zip(ascii_letters, self._samplers, strict=False))
            table = self._table(legend, fits, ascii_only)
            table.collapse_padding = True
            name = "@ and the name"
        yield table
        yield Text()
        yield from (Text(f"{letter} {name}") for letter, name in legend.items())
        yield _hanging(fits, f"fits: Experiment.sampler = {name}; DMA is the module dma")
        for sampler in self._pooled:
            yield Text(f"{sampler}: {_USES.get(sampler, 'with the modules dma and ndi')}")
        yield Text("MCDRec is FREEDOM with other parts; MG goes with every row")
        for number, (note, backbones) in enumerate(self._notes.items(), 1):
            yield _hanging(str(number), f"{', '.join(backbones)}: {note}")

    def _table(self, headings: Iterable[str], fits: str, ascii_only: bool) -> Table:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.ASCII if ascii_only else box.SIMPLE, show_edge=False, pad_edge=False)
        table.add_column("backbone", style="bold", overflow="fold")
        for heading in ("DMA", *headings):
            table.add_column(heading, justify="center", overflow="fold")
        numbers = {note: str(number) for number, note in enumerate(self._notes, 1)}
        for backbone, notes in self._rows.items():
            cells = (Text(fits, "green") if note is None else numbers[note] for note in notes)
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


def _broken(heading: str) -> str:
    """A line for each of its words: ``MixGCF``, Mix GCF."""
    return "\n".join(re.findall(r"[A-Z]+(?=[A-Z][a-z]|$)|.[^A-Z]*", heading))
