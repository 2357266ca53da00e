"""User and item ids: positions where they count from 0, else texts that are given positions.

A column is one or the other as a whole. Positions are kept as they are, because the rows of feature
files go by them; texts are numbered, and the numbering is kept with the data set. Only the plain
form of a number is a position: 001 and 1 are two ids.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ccd.datasets.foreign import read_utf8
from ccd.errors import DataError, Place

MAX_IDS = 50_000_000
"""Largest table of ids that is taken for one that counts from 0."""
MAX_GAP_FACTOR = 100
"""Largest ratio of the table of ids to the ids that occur."""

_INTEGER = re.compile(r" *-?\d{1,18} *", re.ASCII)
_PLAIN = re.compile(r"0|[1-9]\d{0,17}", re.ASCII)


class Column(NamedTuple):
    """A column of text: its distinct ``cells``, and which of them each row has ``[n]``."""

    cells: list[str]
    codes: np.ndarray

    def cell(self, row: int) -> str:
        """What is written in ``row``."""
        return self.cells[self.codes[row]]


class Numbered(NamedTuple):
    """Int64 positions ``[n]``, the id of each position where ids are texts, and what to say."""

    positions: np.ndarray
    ids: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def is_integer(cell: str) -> bool:
    """Whether ``cell`` is a whole number of at most 18 digits, blanks around it allowed."""
    return _INTEGER.fullmatch(cell) is not None


def plain_number(text: str) -> int | None:
    """The number whose plain form ``text`` is, such as 7; None for 007, +7 and anything else."""
    return int(text) if _PLAIN.fullmatch(text) else None


def number_ids(
    path: Path,
    kind: str,
    column: Column,
    *,
    order: Sequence[str] = (),
    featured: bool = False,
) -> Numbered:
    """Positions of the ids in a column; the line of row i is ``i + 2``.

    Args:
        path: The file, for messages.
        kind: ``user`` or ``item``, for messages.
        column: The ids.
        order: All ids in the order of their positions; empty where there is no such order.
        featured: Positions are rows of other files, so that texts need an ``order``.

    Raises:
        DataError: An id is not in ``order``, or is no position and has to be one, or two ids differ
            in the blanks around them alone.
    """
    _refuse_twins(path, kind, column)
    if order:
        return _numbered_by(path, kind, column, order)
    row = _first_misfit(column)
    if row is None:
        positions = np.array([int(cell) for cell in column.cells], dtype=np.int64)
        return Numbered(positions[column.codes])
    found = repr(column.cell(row)[:40])
    if featured:
        raise DataError(
            f"{kind}ID {found} is no row of the feature files",
            where=Place(str(path), row + 2),
            keys=(f"mmrec_dataset.{kind}_order",),
            hint=f"number the {kind}s 0, 1, 2, ... like the rows, or list their ids in a file, "
            f"one a line in the order of the rows, and name it in mmrec_dataset.{kind}_order",
        )
    ids = sorted({cell.strip() for cell in column.cells})
    note = (
        f"{path.name}: {kind} ids do not count from 0 ({found} in line {row + 2}); the "
        f"{len(ids):,} ids were sorted as texts and numbered"
    )
    return Numbered(_places(column, ids), tuple(ids), (note,))


def _numbered_by(path: Path, kind: str, column: Column, order: Sequence[str]) -> Numbered:
    positions = _places(column, order)
    unknown = np.flatnonzero(positions < 0)
    if len(unknown):
        raise DataError(
            f"{kind}ID {column.cell(unknown[0])[:40]!r} is not among the {len(order):,} ids of "
            f"mmrec_dataset.{kind}_order ({len(unknown):,} such rows)",
            where=Place(str(path), int(unknown[0]) + 2),
            keys=(f"mmrec_dataset.{kind}_order",),
            hint="add it there, with a feature row, or remove these rows",
        )
    return Numbered(positions, tuple(order))


def _refuse_twins(path: Path, kind: str, column: Column) -> None:
    """Refuse ids of which nobody can say whether they are one or two."""
    first: dict[str, int] = {}
    for code, cell in enumerate(column.cells):
        other = first.setdefault(cell.strip(), code)
        if other != code:
            lines = sorted(int((column.codes == each).argmax()) + 2 for each in (other, code))
            raise DataError(
                f"two {kind}IDs differ in blanks alone",
                where=[Place(str(path), line, repr(column.cell(line - 2)[:40])) for line in lines],
                hint="remove the blanks",
            )


def _first_misfit(column: Column) -> int | None:
    """First row whose id is no position: not the plain form of a number, or far too large."""
    numbers = [plain_number(cell.strip()) for cell in column.cells]
    limit = min(MAX_IDS, MAX_GAP_FACTOR * len(numbers))
    misfits = np.array([number is None or number >= limit for number in numbers])
    return int(misfits[column.codes].argmax()) if misfits.any() else None


def _places(column: Column, ids: Sequence[str]) -> np.ndarray:
    """Place of each row's id among ``ids``; -1 where it is not among them."""
    place = {text: position for position, text in enumerate(ids)}
    places = np.array([place.get(cell.strip(), -1) for cell in column.cells], dtype=np.int64)
    return places[column.codes]


def read_order(path: Path) -> tuple[str, ...]:
    """The ids of a file with one on each line.

    Raises:
        DataError: The file cannot be read, or a line is empty or repeats another one.
    """
    text = read_utf8(path, "a list of item ids")
    lines: dict[str, int] = {}
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        cell = line.strip()
        if not cell:
            raise DataError(
                "the line is empty",
                where=Place(str(path), number),
                hint="write one item id on each line",
            )
        if cell in lines:
            raise DataError(
                f"item id {cell[:40]!r} of line {lines[cell]} is repeated",
                where=Place(str(path), number),
                hint="each line stands for one feature row: remove one of the two",
            )
        lines[cell] = number
    return tuple(lines)
