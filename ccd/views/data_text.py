"""The description of a data set for the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import zip_longest

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from ccd.datasets.describe import COLD_USER, Degrees, Description, bin_label
from ccd.datasets.neighbour_users import NEAREST
from ccd.terminal.console import glyphs_for

_LONGEST_BAR = 30


class DescriptionView:
    """Table 1, the splits, the modalities, and how interactions spread over users and items."""

    def __init__(self, description: Description) -> None:
        self._found = description

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found = self._found
        yield Text.assemble(
            (found.name, "bold"),
            f": {found.n_users:,} users, {found.n_items:,} items, {found.n_interactions:,} "
            f"interactions, sparsity {found.sparsity:.2%}\n",
        )
        yield _splits(found)
        yield Text()
        yield _modalities(found) if found.modalities else Text("no features")
        yield from _neighbour_users(found)
        yield Text(
            f"\ncold users (fewer than {COLD_USER} train interactions): {found.cold_users:,} "
            f"({found.cold_users / found.n_users:.1%}), {found.untrained_users:,} without any\n"
            f"cold items (no train interaction): {found.cold_items:,} "
            f"({found.cold_items / found.n_items:.1%})\n\n"
            "Train interactions"
        )
        degrees = {"user": found.user_degrees, "item": found.item_degrees}
        yield _quantiles(degrees)
        yield Text("\nUsers and items by their number of train interactions")
        yield _histogram(degrees, options.max_width, glyphs_for(options).bar)
        if found.notes:
            yield Text("".join(f"\nnote: {note}" for note in found.notes), style="dim")


def _splits(found: Description) -> Table:
    table = _table("split", "interactions", "users", "items")
    for name, size in found.splits.items():
        table.add_row(name, f"{size.interactions:,}", f"{size.users:,}", f"{size.items:,}")
    return table


def _modalities(found: Description) -> Table:
    table = _table("modality", "dim", "type", "items without", "repeated rows", "neighbours")
    for name, modality in found.modalities.items():
        table.add_row(
            Text(name),
            f"{modality.dim:,}",
            modality.dtype,
            f"{modality.missing:,}",
            f"{modality.repeated:,}",
            f"{modality.neighbours} per item" if modality.neighbours else "computed",
        )
    return table


def _neighbour_users(found: Description) -> Iterator[RenderableType]:
    """How much each modality says of who takes what."""
    measured = {name: m.users for name, m in found.modalities.items() if m.users is not None}
    if not measured:
        return
    yield Text(
        f"\nShare of pairs, each an item and one of its {NEAREST} nearest by features, that some "
        "user has\nboth of in train. A modality whose share is as if shuffled says nothing."
    )
    table = _table("modality", "share", "95 % interval", "if shuffled", "cosine", "if shuffled")
    for name, users in measured.items():
        table.add_row(
            Text(name),
            f"{users.shared:.1%}",
            f"{users.low:.1%} to {users.high:.1%}",
            f"{users.shuffled:.1%}",
            f"{users.cosine:.4f}",
            f"{users.shuffled_cosine:.4f}",
        )
    yield table


def _quantiles(degrees: dict[str, Degrees]) -> Table:
    names = next(iter(degrees.values())).quantiles
    table = _table("", "mean", *names)
    for of, found in degrees.items():
        numbers = (f"{value:,}" for value in found.quantiles.values())
        table.add_row(f"per {of}", f"{found.mean:.1f}", *numbers)
    return table


def _histogram(degrees: dict[str, Degrees], width: int, bar: str) -> Table:
    """One line per number of interactions, one bar each for users and items."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("number", no_wrap=True)
    for of in degrees:
        table.add_column(f"{of}s", justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
    histograms = [found.histogram for found in degrees.values()]
    lines = list(zip_longest(*histograms, fillvalue=0))
    numbers = [max(len(f"{max(histogram):,}"), 5) for histogram in histograms]
    label = max(len(bin_label(len(lines) - 1)), 6)
    room = (width - label - sum(numbers) - 2 * 2 * len(degrees)) // len(degrees)
    longest = max(1, min(room, _LONGEST_BAR))
    for index, counts in enumerate(lines):
        cells = [bin_label(index)]
        for count, histogram in zip(counts, histograms, strict=True):
            cells += [f"{count:,}", bar * math.ceil(longest * count / max(histogram))]
        table.add_row(*cells)
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first, overflow="fold")
    for title in others:
        table.add_column(title, justify="right", overflow="fold")
    return table
