"""Lists that another program made: a user, an item and a score or a rank on each line.

Files are tables with a header (``.tsv``, ``.txt``, ``.csv``, ``.parquet``) or TREC run files
(``.trec``, ``.run``: ``user Q0 item rank score tag``).
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ccd.datasets.dataset import Dataset
from ccd.datasets.ids import is_integer
from ccd.errors import ConfigError, DamagedFileError, DataError, Place, reading, reason
from ccd.parquet import read_columns

_COLUMNS = {
    "user": ("user", "userid", "user_id"),
    "item": ("item", "itemid", "item_id"),
    "score": ("score", "prediction", "rating"),
    "rank": ("rank",),
}
"""Names that a column may have, in lower case."""

_TREC = ("user", "Q0", "item", "rank", "score", "tag")
_DELIMITERS = {".tsv": "\t", ".txt": "\t", ".csv": ","}
SUFFIXES = (*_DELIMITERS, ".parquet", ".trec", ".run")
"""Endings of the files that can be read."""

_Row = tuple[int, str, str, str | None, str | None]
"""Number of the line, user, item, score and rank."""


@dataclass(frozen=True)
class ScoreLists:
    """Lists of items, best first.

    Attributes:
        users: int64 position of the user of each entry ``[n]``.
        items: int64 position of its item ``[n]``.
        ranks: int64 rank of the entry among its user's, from 1 ``[n]``.
    """

    users: np.ndarray
    items: np.ndarray
    ranks: np.ndarray

    @property
    def longest(self) -> int:
        """Items in the longest list."""
        return int(self.ranks.max())


def read_score_lists(path: Path, dataset: Dataset, *, rows: bool = False) -> ScoreLists:
    """The lists of a file, each ordered by score, or by rank where there is no score.

    Equal scores are ordered by rank, and then as the file has them.

    Args:
        path: The file; its ending says what it is.
        dataset: Knows users and items.
        rows: Users and items are row numbers, even where the data set's files have other ids.

    Raises:
        ConfigError: The ending is none of ``SUFFIXES``.
        DataError: A line is not one entry of a known user and item, or an item comes twice.
        DamagedFileError: A Parquet file cannot be read.
    """
    users = _Places("user", dataset.n_users, () if rows else dataset.user_ids)
    items = _Places("item", dataset.n_items, () if rows else dataset.item_ids)
    lines: dict[tuple[int, int], int] = {}
    scores: list[float] = []
    ranks: list[int] = []
    for line, user, item, score, rank in _rows(path):
        place = Place(str(path), line)
        pair = users.of(user, place), items.of(item, place)
        if pair in lines:
            raise DataError(
                f"item {item!r} is in the list of user {user!r} a second time, after line "
                f"{lines[pair]}",
                where=place,
                hint="keep one of the two",
            )
        lines[pair] = line
        scores.append(0.0 if score is None else _score(score, place))
        ranks.append(0 if rank is None else _rank(rank, place))
    if not lines:
        raise DataError("this file holds no list", where=path)
    pairs = np.array(list(lines), dtype=np.int64)
    order = np.lexsort((np.array(ranks), -np.array(scores), pairs[:, 0]))
    owners, listed = pairs[order].T
    return ScoreLists(owners, listed, 1 + np.arange(len(owners)) - np.searchsorted(owners, owners))


class _Places:
    """Positions of ids: those of the data set's files, or the row numbers themselves."""

    def __init__(self, kind: str, n: int, ids: Sequence[str]) -> None:
        self._kind, self._n, self._ids = kind, n, ids
        self._known = {text: position for position, text in enumerate(ids)}

    def of(self, cell: str, place: Place) -> int:
        """The position of an id.

        Raises:
            DataError: There is no such user or item.
        """
        text = cell.strip()
        if text in self._known:
            return self._known[text]
        if not self._ids and is_integer(text) and 0 <= int(text) < self._n:
            return self._known.setdefault(text, int(text))
        ids = f"0 to {self._n - 1}"
        hint = f"its {self._kind}s are row numbers, {ids}"
        if self._ids:
            hint = (
                f"its ids are those of its files, such as {self._ids[0]!r}; where the lists have "
                f"row numbers, {ids}, say so with --rows"
            )
        raise DataError(f"no {self._kind} {text[:40]!r} in the data set", where=place, hint=hint)


def _score(cell: str, place: Place) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise DataError("score must be a number", where=place, found=repr(cell[:40]))
    return value


def _rank(cell: str, place: Place) -> int:
    if not is_integer(cell) or int(cell) < 0:
        raise DataError("rank must be a whole number", where=place, found=repr(cell[:40]))
    return int(cell)


def _rows(path: Path) -> Iterator[_Row]:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigError(
            f"cannot tell from '{path.name}' what the file is",
            where=path,
            hint=f"give it one of the endings {', '.join(SUFFIXES)}",
        )
    if suffix in _DELIMITERS:
        return _table(path, _DELIMITERS[suffix])
    return _parquet(path) if suffix == ".parquet" else _trec(path)


def _text(path: Path) -> str:
    with reading(path, DataError):
        return path.read_text(encoding="utf-8-sig")


def _trec(path: Path) -> Iterator[_Row]:
    for number, line in enumerate(_text(path).splitlines(), start=1):
        cells = line.split()
        if len(cells) != len(_TREC):
            raise DataError(
                f"a line of a TREC run file is '{' '.join(_TREC)}'",
                where=Place(str(path), number),
                found=repr(line[:60]),
            )
        yield number, cells[0], cells[2], cells[4], cells[3]


def _table(path: Path, delimiter: str) -> Iterator[_Row]:
    text = io.StringIO(_text(path), newline="")
    if delimiter == ",":
        reader = csv.reader(text, strict=True)
    else:
        reader = csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    try:
        names = next(reader, [])
        at = _positions(path, names)
        for cells in reader:
            if len(cells) != len(names):
                raise DataError(
                    f"expected {len(names)} values",
                    where=Place(str(path), reader.line_num),
                    found=f"{len(cells)}",
                )
            user, item, score, rank = (None if i is None else cells[i] for i in at)
            assert user is not None, "checked with the header"
            assert item is not None, "checked with the header"
            yield reader.line_num, user, item, score, rank
    except csv.Error as error:
        place = Place(str(path), reader.line_num)
        raise DataError(f"cannot read this line: {reason(error)}", where=place) from error


def _parquet(path: Path) -> Iterator[_Row]:
    """Rows count from 1, as the lines of a text without a header would."""
    import pyarrow as pa

    with reading(path, DataError):
        data = path.read_bytes()
    try:
        table = read_columns(io.BytesIO(data))
    except (pa.ArrowException, OSError) as error:
        what = f"this file is not a complete Parquet file: {reason(error)}"
        raise DamagedFileError(what, where=path) from error
    at = _positions(path, table.column_names)
    columns = [None if i is None else table.column(i).to_pylist() for i in at]
    for row in range(table.num_rows):
        cells = [None if column is None else column[row] for column in columns]
        for name, column, cell in zip(_COLUMNS, columns, cells, strict=True):
            if column is not None and cell is None:
                raise DataError(f"{name} is missing", where=Place(str(path), row + 1))
        user, item, score, rank = (None if cell is None else str(cell) for cell in cells)
        assert user is not None, "checked above"
        assert item is not None, "checked above"
        yield row + 1, user, item, score, rank


def _positions(path: Path, names: Sequence[str]) -> tuple[int | None, ...]:
    """Which columns hold user, item, score and rank; None for one of the last two."""
    lower = [name.strip().lower() for name in names]
    at = [
        next((lower.index(known) for known in wanted if known in lower), None)
        for wanted in _COLUMNS.values()
    ]
    if at[0] is None or at[1] is None or (at[2] is None and at[3] is None):
        raise DataError(
            "expected the columns user, item, and score or rank",
            where=Place(str(path), 1),
            found=repr(", ".join(names)[:80]),
            hint="name them so in the first line",
        )
    return tuple(at)
