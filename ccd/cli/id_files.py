"""Files of ids that a command is given: users, items, and the items that people took."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from ccd.datasets.foreign import read_utf8
from ccd.errors import ConfigError, DataError, Place, reason


def read_ids(path: Path) -> list[str]:
    """The ids of a text file with one on each line; empty lines are left out.

    Raises:
        DataError: The file cannot be read, or holds no id.
    """
    lines = read_utf8(path, "a list of ids").split("\n")
    found = [line.strip() for line in lines if line.strip()]
    if not found:
        raise DataError("this file holds no id", where=path, hint="write one id on each line")
    return found


def read_history(given: str) -> list[str] | dict[str, list[str]]:
    """What people took: item ids joined by commas, or a table as ``read_items_by_user`` reads it.

    Raises:
        ConfigError: No item is named.
        DataError: The file has no such columns, a line lacks one of them, or a quote has no end.
    """
    path = Path(given)
    if path.is_file():
        return read_items_by_user(path, "history")
    items = [item.strip() for item in given.split(",") if item.strip()]
    if not items:
        raise ConfigError("--history names no item", keys=("--history",), found=repr(given))
    return items


def read_items_by_user(path: Path, what: str) -> dict[str, list[str]]:
    """The items of each user, from a table with a user and an item on each line.

    It has a header, columns ``user`` and ``item`` among others: ``.csv``, or with any other ending
    parted by tabs.

    Args:
        path: The file.
        what: What the items are to the user, for refusals: ``history``.

    Raises:
        DataError: The file has no such columns, or a line lacks one of them.
    """
    text = read_utf8(path, "a table of users and items")
    delimiter = "," if path.suffix == ".csv" else "\t"
    # Quotes stand around cells with commas; strict, so that one without its end takes in no lines.
    reader = csv.DictReader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE,
        strict=True,
    )
    try:
        return _by_user(reader, path, what)
    except csv.Error as error:
        raise DataError(
            f"this {what} is no table: {reason(error)}",
            where=path,
            hint=f"close each quote of the row that begins in line {reader.line_num + 1}",
        ) from error


def _by_user(reader: csv.DictReader[str], path: Path, what: str) -> dict[str, list[str]]:
    if not {"user", "item"} <= set(reader.fieldnames or ()):
        raise DataError(
            f"a {what} has the columns user and item",
            where=Place(str(path), 1),
            found=", ".join(reader.fieldnames or ()) or "an empty file",
            hint="write a header; columns of a .csv file are parted by commas, else by tabs",
        )
    found: dict[str, list[str]] = {}
    for row in reader:
        user, item = (row["user"] or "").strip(), (row["item"] or "").strip()
        if not user or not item:
            raise DataError("a user or item is missing", where=Place(str(path), reader.line_num))
        found.setdefault(user, []).append(item)
    if not found:
        raise DataError(f"this file holds no {what}", where=path)
    return found
