"""Vectors in tables: a column of lists or of texts with numbers, or a column for each number."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Container, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ccd.errors import DataError, Place, reason
from ccd.files import file_hash
from ccd.importing.cells import Rows, id_texts, is_text, numbers
from ccd.importing.columns import known_column
from ccd.importing.features.options import FeatureSource
from ccd.importing.features.reader import Block, VectorReader
from ccd.importing.sources import Source
from ccd.suggestions import did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

_NUMBER = r"([-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[nN]a[nN]|[-+]?[iI]nf(inity)?)"
_VECTOR = re.compile(rf"\s*[\[(]?\s*{_NUMBER}([\s,;]+{_NUMBER})+\s*[\])]?\s*")
_LOOKED_AT = 1000
"""Rows by which it is told which columns hold vectors."""


class TableReader(VectorReader):
    """A table with a column of item ids, and vectors in one column or in many.

    Args:
        source: What the user wrote.
        tables: The table in one or more parts, such as shards.

    Raises:
        DataError: Which columns hold ids and vectors is not clear, or a part lacks them.
    """

    def __init__(self, source: FeatureSource, tables: Sequence[Source]) -> None:
        self._tables, first = tables, tables[0]
        batch = next((found for found in first.batches(first.columns) if found.num_rows), None)
        if batch is None:
            raise DataError("this table of features is empty", where=first.path)
        self._id = id_column(first)
        others = [name for name in first.columns if name != self._id]
        looked_at = Rows(first, batch.slice(0, _LOOKED_AT), np.arange(_LOOKED_AT))
        vectors = [name for name in others if _holds_vectors(looked_at, name)]
        self._columns = self._chosen(source, others, vectors)
        kind = looked_at.column(self._columns[0]).type
        named = source.part == self._columns[0] and not _is_number(kind)
        self._wide = not (named or self._columns[0] in vectors)
        for table in tables[1:]:
            for name in (self._id, *self._columns):
                table.need(name, source.option)
        self._dim = len(self._columns) if self._wide else 0
        self._starts = [0]
        shown = f"{self._dim:,} columns" if self._wide else f"column '{self._columns[0]}'"
        super().__init__(source, Path(source.where), f"{first.kind}, {shown}, ids in '{self._id}'")

    @property
    def size(self) -> int:
        return sum(table.size for table in self._tables)

    @property
    def done(self) -> int:
        return sum(table.done for table in self._tables)

    def blocks(self, wanted: Container[str]) -> Iterator[Block]:
        self._starts, start = [], 0
        for table in self._tables:
            self._starts.append(start)
            own = 0
            for batch in table.batches((self._id, *self._columns)):
                yield self._block(Rows(table, batch, np.arange(own, own + batch.num_rows)), start)
                own += batch.num_rows
            start += own

    def place(self, row: int) -> Place:
        part = bisect_right(self._starts, row) - 1
        return self._tables[part].place(row - self._starts[part])

    def hashes(self) -> list[tuple[Path, str]]:
        files = [table.path for table in self._tables if not table.in_memory]
        return [(path, file_hash(path, unreadable=DataError)) for path in files]

    def _block(self, rows: Rows, start: int) -> Block:
        ids = id_texts(rows, self._id, self.source.option).dictionary_decode()
        there, vectors = self._wide_rows(rows) if self._wide else self._list_rows(rows)
        there &= ids.is_valid().to_numpy(False)
        texts = ids.filter(_mask(there)).to_pylist()
        kept = vectors if there.all() else vectors[there]
        return Block(texts, kept, start + rows.at[there], empty=len(there) - len(texts))

    def _chosen(
        self, source: FeatureSource, others: Sequence[str], vectors: Sequence[str]
    ) -> list[str]:
        """The column of vectors, or those that hold one number each."""
        part, where = source.part, self._tables[0].place(None)
        if part:
            named = [name for name in others if name == part] or [
                name for name in others if fnmatchcase(name, part)
            ]
            if not named:
                raise DataError(
                    f"there is no column '{part}'",
                    where=where,
                    keys=(source.option,),
                    hint=did_you_mean(part, others[:40], list_all=True),
                )
            return named
        if len(vectors) > 1:
            raise DataError(
                "which column holds the vectors is not clear",
                where=where,
                keys=(source.option,),
                found=", ".join(vectors[:20]),
                hint=f"name it: --features {source.name}={source.where}:{vectors[0]}",
            )
        if not others:
            raise DataError(
                "this table has no column beside the ids", where=where, found=f"'{self._id}'"
            )
        return list(vectors or others)

    def _wide_rows(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        """Which rows have a vector ``[n]``, and the vectors ``[n, dim]``."""
        vectors = np.empty((len(rows), len(self._columns)), dtype=np.float32)
        for column, name in enumerate(self._columns):
            vectors[:, column] = _numbers(rows, name)
        empty = np.ones(len(rows), dtype=bool)
        for name in self._columns:  # NaN in all of them: most likely no cell holds anything
            if not empty.any():
                break
            empty &= rows.column(name).is_null().to_numpy(False)
        return ~empty, vectors

    def _list_rows(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        import pyarrow as pa
        import pyarrow.compute as pc

        name = self._columns[0]
        column = rows.column(name)
        lists = _split(column) if is_text(column) else column
        if not _is_list(lists.type):
            what = f"column '{name}' must hold vectors"
            raise DataError(what, where=rows.source.place(None), found=str(column.type))
        lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(False)
        there = lengths > 0
        if not there.any():
            return there, np.empty((len(rows), self._dim), dtype=np.float32)
        self._dim = self._dim or int(lengths[there][0])
        odd = there & (lengths != self._dim)
        if odd.any():
            at = int(odd.argmax())
            raise DataError(
                f"column '{name}': expected {self._dim} numbers, as in the first row",
                where=rows.source.place(int(rows.at[at])),
                found=f"{lengths[at]} numbers",
                hint="make all vectors of one length, or leave the cell empty",
            )
        flat = pc.list_flatten(lists.filter(_mask(there)))
        try:
            flat = flat.cast(pa.float32(), safe=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise self._no_number(rows, lists, name, error) from error
        vectors = np.zeros((len(rows), self._dim), dtype=np.float32)
        vectors[there] = flat.to_numpy(zero_copy_only=False).reshape(-1, self._dim)
        return there, vectors

    def _no_number(self, rows: Rows, lists: pa.Array, name: str, error: Exception) -> DataError:
        """The refusal of the first vector with something else in it."""
        for at, cell in enumerate(lists.to_pylist()):
            for value in cell or ():
                if value is not None and not re.fullmatch(_NUMBER, str(value).strip()):
                    return DataError(
                        f"column '{name}': expected numbers",
                        where=rows.source.place(int(rows.at[at])),
                        found=repr(str(value)[:40]),
                        hint="correct the cell, or leave it empty",
                    )
        what = f"column '{name}' cannot be read as numbers: {reason(error)}"
        return DataError(what, where=rows.source.place(None))


def id_column(table: Source) -> str:
    """The column of item ids: by its name, else the first."""
    just_id = next((name for name in table.columns if name.lower() in ("id", "ids")), None)
    return known_column("item", table.columns) or just_id or table.columns[0]


def _holds_vectors(rows: Rows, name: str) -> bool:
    import pyarrow.compute as pc

    column = rows.column(name)
    if not is_text(column):
        return _is_list(column.type)
    cells = pc.drop_null(column).to_pylist()
    return bool(cells) and all(_VECTOR.fullmatch(cell) for cell in cells)


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _is_list(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _split(column: pa.Array) -> pa.Array:
    """Texts such as ``0.1 0.2`` or ``[0.1, 0.2]`` as lists of texts; blank ones as null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim(column, characters="[]() \t\r\n")
    trimmed = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    return pc.split_pattern_regex(trimmed, r"[\s,;]+")


def _numbers(rows: Rows, name: str) -> np.ndarray:
    """A column as float32 ``[n]``, NaN where a cell is empty."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = rows.column(name)
    try:
        plain = pc.utf8_trim_whitespace(column) if is_text(column) else column
        return plain.cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # Slower, and it names the cell that is no number.
        return numbers(rows, name).to_numpy(zero_copy_only=False)


def _mask(there: np.ndarray) -> pa.Array:
    import pyarrow as pa

    return pa.array(there)
