"""``ccd list --matrix``: which negative sampler fits which backbone, and why the others do not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult


@dataclass(frozen=True)
class Pair:
    """A backbone with a sampler; ``reason`` says why they do not fit, and is None where they do."""

    backbone: str
    sampler: str
    reason: str | None
    needs_pools: bool = False


def all_pairs() -> list[Pair]:
    """Every registered backbone with every registered sampler, by backbone."""
    from ccd.registry import components

    backbones: list[Any] = [c.target for c in components("backbone")]
    samplers: list[Any] = [c.target for c in components("sampler")]
    return [
        Pair(b.__name__, s.__name__, s.misfit(b), s.needs_pools)
        for b in backbones
        for s in samplers
    ]


class MatrixView:
    """The pairs as a table: a mark for what fits, else the number of a reason below it."""

    def __init__(self, pairs: list[Pair]) -> None:
        self._pairs = pairs
        self._pooled = list(dict.fromkeys(p.sampler for p in pairs if p.needs_pools))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        from ccd.reports.console import glyphs_for

        fits = glyphs_for(options).done
        reasons = list(dict.fromkeys(p.reason for p in self._pairs if p.reason))
        samplers = list(dict.fromkeys(p.sampler for p in self._pairs))
        table = Table(box=box.ASCII if options.ascii_only else box.SIMPLE, padding=(0, 1))
        table.add_column("backbone", style="bold", overflow="fold")
        for name in samplers:
            table.add_column(_heading(name), justify="center", overflow="fold")
        for backbone in dict.fromkeys(p.backbone for p in self._pairs):
            cells = (p.reason for p in self._pairs if p.backbone == backbone)
            row = (Text(fits, "green") if r is None else str(reasons.index(r) + 1) for r in cells)
            table.add_row(backbone, *row)
        yield table
        yield Text(f"{fits} fits: Experiment.sampler = @NAMESampler, its heading in one word")
        if self._pooled:
            yield Text(f"{', '.join(self._pooled)}: with the modules dma and ndi")
        for number, reason in enumerate(reasons, 1):
            yield Text(f"{number} {reason}")


def _heading(name: str) -> str:
    """The name without its ending, a line for each of its words: ``MixGCFSampler``, Mix GCF."""
    return "\n".join(re.findall(r"[A-Z]+(?=[A-Z][a-z]|$)|.[^A-Z]*", name.removesuffix("Sampler")))
