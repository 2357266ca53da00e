"""Strict reader of ``.inter`` files: tab-separated ``userID itemID x_label`` with a header."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ccd.datasets.foreign import refuse_foreign
from ccd.datasets.ids import Column, is_integer, number_ids
from ccd.errors import CcdError, DamagedFileError, DataError, Place, reading, reason
from ccd.threads import refuse_without_threads

COLUMNS = ("userID", "itemID", "x_label")
SPLITS = ("train", "valid", "test")
"""Names of the splits; the position is the ``x_label``."""

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_DECIMAL = re.compile(r"-?\d+\.\d*(e[+-]?\d+)?")
_MISSING = {"na", "n/a", "<na>", "nan", "-nan", "nat", "null", "none"}
"""How other programs write that there is no value, in lower case."""
_HEADER = " ".join(COLUMNS)


class _Fault(NamedTuple):
    """What is wrong with a line or a cell, and what to do, where there is advice."""

    what: str
    hint: str = ""


@dataclass(frozen=True)
class InteractionTable:
    """The rows of an ``.inter`` file, in the file's order: row ``i`` is line ``i + 2``.

    Attributes:
        path: Where it was read from, for messages.
        users: int64 positions of the users ``[n]``, none negative.
        items: int64 positions of the items ``[n]``, none negative.
        labels: int64 positions in ``SPLITS`` ``[n]``.
        notes: What was noticed on the way.
        user_ids: The id of each user position; empty where the ids are the positions.
        item_ids: The same of items.
    """

    path: Path
    users: np.ndarray
    items: np.ndarray
    labels: np.ndarray
    notes: tuple[str, ...] = ()
    user_ids: tuple[str, ...] = ()
    item_ids: tuple[str, ...] = ()


def read_interactions(
    path: Path, *, item_order: Sequence[str] = (), featured: bool = False
) -> InteractionTable:
    """Read an ``.inter`` file; columns besides the three are ignored and noted.

    Ids that count from 0 are positions. A column with any other id in it, such as ``B00X`` or -1,
    holds texts, which are numbered in the order of sorting; that is noted.

    Args:
        path: The file.
        item_order: Ids of all items in the order of their positions; empty where there is none.
        featured: Items have rows in other files, so that without ``item_order`` their ids must be
            positions.

    Raises:
        DataError: The header, a row, an id or a label is not as it should be; the message names
            the line and, where one can be made, a guess at the cause.
        DamagedFileError: The file is empty or ends in the middle of a line.
    """
    with reading(path, DataError):
        data = path.read_bytes()
    if not data:
        raise DamagedFileError(
            f"this file is empty (0 bytes), expected the header '{_HEADER}'", where=path
        )
    refuse_foreign(path, data[:32], "a table of interactions")
    header, _, body = data.partition(b"\n")
    names, notes = _read_header(path, header)
    if not body.strip():
        raise DataError("this file has a header but no interactions", where=path)
    user_column, item_column, labels = _read_columns(path, body, names)
    users = number_ids(path, "user", user_column)
    items = number_ids(path, "item", item_column, order=item_order, featured=featured)
    return InteractionTable(
        path, users.positions, items.positions, _splits(path, labels),
        (*notes, *users.notes, *items.notes), users.ids, items.ids,
    )  # fmt: skip


def _splits(path: Path, labels: Column) -> np.ndarray:
    """The labels as positions in ``SPLITS``."""
    splits = np.array([int(cell) for cell in labels.cells])[labels.codes]
    unknown = np.flatnonzero((splits < 0) | (splits >= len(SPLITS)))
    if len(unknown):
        raise DataError(
            f"unknown x_label {splits[unknown[0]]} ({len(unknown):,} such rows)",
            where=Place(str(path), int(unknown[0]) + 2),
            hint="write 0 for train, 1 for validation, 2 for test",
        )
    return splits


def _read_header(path: Path, header: bytes) -> tuple[list[str], tuple[str, ...]]:
    notes = []
    if header.startswith(_UTF16):
        place = Place(str(path), 1)
        raise DataError("this file is UTF-16, not UTF-8", where=place, hint="save it as UTF-8")
    if header.startswith(_BOM):
        header = header[len(_BOM) :]
        notes.append(f"{path.name}: a byte order mark before the header was skipped")
    if header.endswith(b"\r"):
        header = header[:-1]
        notes.append(f"{path.name}: has Windows line ends (CRLF), which were accepted")
    try:
        line = header.decode()
    except UnicodeDecodeError as error:
        byte = header[error.start]
        raise DataError(
            f"the header is not UTF-8 (byte 0x{byte:02x} at position {error.start})",
            where=Place(str(path), 1),
            hint="save the file as UTF-8",
        ) from error
    names = line.split("\t")
    if any(names.count(column) != 1 for column in COLUMNS):
        raise DataError(
            f"expected the tab-separated columns '{_HEADER}'",
            where=Place(str(path), 1),
            found=repr(line[:80]),
            hint=_guess_header(line),
        )
    extra = [name for name in names if name not in COLUMNS]
    if extra:
        notes.append(f"{path.name}: columns that are not used: {', '.join(extra)}")
    return names, tuple(notes)


def _guess_header(line: str) -> str:
    names = line.split("\t")
    if "\r" in line:
        return "its lines end with bare CR; write LF line ends"
    if '"' in line or "'" in line:
        return "its values are quoted; write them without quotes"
    for separator, word in ((",", "commas"), (";", "semicolons"), ("|", "bars"), (" ", "blanks")):
        if separator in line and "\t" not in line:
            return f"it looks separated by {word}; use tabs"
    if ":token" in line:
        return "it looks like RecBole's format; rename the columns and add x_label (0, 1 or 2)"
    if all(is_integer(name) for name in names):
        return "the header is missing; add it as the first line"
    lower = [name.strip().lower() for name in names]
    missing = [column for column in COLUMNS if names.count(column) == 0]
    if missing and all(column.lower() in lower for column in COLUMNS):
        return "names are case-sensitive and have no blanks around them"
    return f"no column {', '.join(missing)}" if missing else "a column is there twice"


def _read_columns(path: Path, body: bytes, names: list[str]) -> list[Column]:
    """The three columns, as text."""
    import pyarrow as pa
    from pyarrow import csv

    refuse_without_threads(f"reading {path.name}")
    text = pa.dictionary(pa.int32(), pa.string())
    try:
        table = csv.read_csv(
            # Arrow drops a byte order mark, which is part of an id here: the header had the file's.
            pa.BufferReader(_BOM + body if body.startswith(_BOM) else body),
            # One thread: as fast at this size, and no pool that competes with torch's.
            read_options=csv.ReadOptions(use_threads=False, column_names=names),
            parse_options=csv.ParseOptions(
                delimiter="\t", quote_char=False, ignore_empty_lines=False
            ),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(COLUMNS, text),
                include_columns=list(COLUMNS),
                null_values=[],
            ),
        ).unify_dictionaries()
    except pa.ArrowInvalid as error:
        other = DataError(f"cannot read this file: {reason(error)}", where=path)
        raise _first_fault(path, body, names) or other from error
    columns = []
    for name in COLUMNS:
        chunks = table[name].chunks
        codes = np.concatenate([chunk.indices.to_numpy() for chunk in chunks])
        columns.append(Column(chunks[0].dictionary.to_pylist(), codes))
        if any(_fault_of_cell(name, cell.encode()) for cell in columns[-1].cells):
            raise _first_fault(path, body, names) or DataError("cannot read this file", where=path)
    return columns


def _first_fault(path: Path, body: bytes, names: list[str]) -> CcdError | None:
    lines = body.split(b"\n")
    whole = lines[-1] == b""
    if whole:
        lines.pop()
    for number, raw in enumerate(lines, start=2):
        fault = _fault(raw.removesuffix(b"\r"), names)
        if fault and number == len(lines) + 1 and not whole:
            return DamagedFileError(
                f"{fault.what}, and the file ends there without a line end: it seems cut off at "
                f"{path.stat().st_size} bytes",
                where=Place(str(path), number),
                hint="copy it again",
            )
        if fault:
            return DataError(fault.what, where=Place(str(path), number), hint=fault.hint)
    return None


def _fault(line: bytes, names: list[str]) -> _Fault | None:
    if not line.strip():
        return _Fault("the line is empty", "remove it")
    cells = line.split(b"\t")
    if len(cells) != len(names):
        shown = line[:60].decode(errors="replace")
        return _Fault(f"found {len(cells)} of {len(names)} tab-separated values: {shown!r}")
    faults = (_fault_of_cell(name, cells[names.index(name)]) for name in COLUMNS)
    return next((fault for fault in faults if fault), None)


def _fault_of_cell(name: str, cell: bytes) -> _Fault | None:
    try:
        text = cell.decode()
    except UnicodeDecodeError:
        return _Fault(f"{name} {cell[:40]!r} is not UTF-8", "save the file as UTF-8")
    if is_integer(text):
        return None
    shown = repr(text[:40])
    if not text.strip():
        return _Fault(f"{name} is missing")
    if text.strip().lower() in _MISSING:
        return _Fault(f"{name} {shown} stands for a missing value", "remove the row")
    if _DECIMAL.fullmatch(text):
        return _Fault(f"{name} {shown} is a decimal number", "write whole numbers")
    if text[0] in "\"'":
        return _Fault(f"{name} {shown} is quoted", "write values without quotes")
    return _Fault(f"x_label is not an integer: {shown}") if name == "x_label" else None
