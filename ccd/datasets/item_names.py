"""What items are called: a table ``itemID<TAB>name``, for people to read, not to learn from."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from ccd.datasets.foreign import read_utf8
from ccd.datasets.ids import plain_number
from ccd.errors import DataError, Place, reason

_HEADER = ["itemID", "name"]


def read_item_names(path: Path, n_items: int, item_ids: Sequence[str]) -> tuple[str, ...]:
    """The name of each item by position; empty where the file has none.

    Args:
        path: Separated by tabs, or by commas (and quoted) where its name ends in ``.csv``; with
            the header ``itemID name``.
        n_items: Items of the data set.
        item_ids: Their ids; empty where ids are the positions.

    Raises:
        DataError: A line is not one known id and its name, or an id comes twice.
    """
    place = {text: position for position, text in enumerate(item_ids)}
    names, lines = [""] * n_items, dict[int, int]()
    for number, cells in _rows(path):
        if len(cells) != 2 or not cells[1].strip():
            raise DataError(
                "expected an item id and its name",
                where=Place(str(path), number),
                found=repr(cells),
                hint="correct or remove the line",
            )
        text = cells[0].strip()
        position = place.get(text) if item_ids else plain_number(text)
        if position is None or position >= n_items:
            known = (
                f"which has {n_items:,} ids" if item_ids else f"whose ids are 0 to {n_items - 1}"
            )
            raise DataError(
                f"itemID {text[:40]!r} is no item of the data set, {known}",
                where=Place(str(path), number),
                hint="remove the line or name the file of this data set",
            )
        if position in lines:
            raise DataError(
                f"item {text[:40]!r} is named a second time, after line {lines[position]}",
                where=Place(str(path), number),
                hint="keep one of the two lines",
            )
        names[position], lines[position] = cells[1].strip(), number
    return tuple(names)


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Line number and cells of each line below the header."""
    text = io.StringIO(read_utf8(path, "a table of item names"))
    commas = path.suffix == ".csv"
    if commas:
        reader = csv.reader(text, strict=True)
    else:
        reader = csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE)
    try:
        rows = [(reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        raise DataError(
            f"cannot read this line: {reason(error)}",
            where=Place(str(path), reader.line_num),
            hint="correct or remove the line",
        ) from error
    if not rows or rows[0][1] != _HEADER:
        raise DataError(
            f"expected the columns {' and '.join(_HEADER)}",
            where=Place(str(path), 1),
            found=repr(rows[0][1]) if rows else "nothing",
            hint=f"write them with {'a comma' if commas else 'a tab'} between them",
        )
    return rows[1:]
