"""A table of text for the terminal that drops nothing, however narrow that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

Lines = Sequence[Sequence[str]]


class Grid:
    """Shows rows in the widest of three layouts that fits: columns, stacked columns, blocks.

    Args:
        header: Names of the columns; the first column holds names, the others numbers.
        rows: As many cells each.
        under: Column to the one before it, under which it goes where the width is short.
        widths: Least width of each column, where several grids shall stand in line.
    """

    def __init__(
        self,
        header: Sequence[str],
        rows: Lines,
        under: Mapping[str, str] | None = None,
        widths: Sequence[int] = (),
    ) -> None:
        self._header, self._rows = tuple(header), [tuple(row) for row in rows]
        self._under = under or {}
        self._widths = tuple(widths) or (0,) * len(self._header)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        unbounded = options.update(width=10_000)
        for layout in (self._columns(), self._stacked()):
            if Measurement.get(console, unbounded, layout).maximum <= options.max_width:
                yield layout
                return
        yield self._blocks()

    def _columns(self) -> Table:
        return _table(self._header, self._rows, self._widths)

    def _stacked(self) -> Table:
        """Some cells under their neighbours."""
        stacks = [
            [self._header.index(part) for part in (name, *self._below(name))]
            for name in self._header
            if name not in self._under
        ]

        def joined(cells: Sequence[str]) -> list[str]:
            return ["\n".join(filter(None, (cells[i] for i in stack))) for stack in stacks]

        widths = [max(self._widths[i] for i in stack) for stack in stacks]
        return _table(joined(self._header), [joined(row) for row in self._rows], widths)

    def _below(self, name: str) -> list[str]:
        return [lower for lower, upper in self._under.items() if upper == name]

    def _blocks(self) -> RenderableType:
        """A block per row, a line per cell: fits 40 columns."""
        parts: list[RenderableType] = []
        for first, *others in self._rows:
            lines = Table.grid(padding=(0, 1, 0, 0))
            for name, cell in zip(self._header[1:], others, strict=True):
                if cell:
                    lines.add_row(Text(f" {name}"), Text(cell))
            parts += [Text(first, style="bold"), lines]
        return Group(*parts)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for index, (name, width) in enumerate(zip(header, widths, strict=True)):
        table.add_column(name, justify="right" if index else "left", no_wrap=True, min_width=width)
    for row in rows:
        table.add_row(*map(Text, row))
    return table
