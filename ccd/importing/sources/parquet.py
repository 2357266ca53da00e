"""Parquet files, and tables that are in memory already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ccd.errors import DamagedFileError, DataError, Place, reading, reason
from ccd.importing.sources.base import BATCH_BYTES, BATCH_ROWS, Source
from ccd.threads import refuse_without_threads

if TYPE_CHECKING:
    import pyarrow as pa


class ParquetSource(Source):
    """One Parquet file, read a row group at a time."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        try:
            with reading(path, DataError):
                self._file = parquet.ParquetFile(path)
        except (pa.ArrowException, ValueError) as error:
            raise DamagedFileError(
                f"this is no whole Parquet file: {reason(error)}",
                where=path,
                hint="copy it again; if it is text, give it the ending .csv, .tsv or .jsonl",
            ) from error
        self._read = 0
        super().__init__(path, self._file.schema_arrow.names, "Parquet")

    @property
    def size(self) -> int:
        return self._file.metadata.num_rows

    @property
    def done(self) -> int:
        return self._read

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows in order.

        Raises:
            DamagedFileError: A part of the file cannot be read.
            ResourceError: No thread can be started to read it.
        """
        import pyarrow as pa

        refuse_without_threads(f"reading {self.path.name}")
        self._read = 0
        try:
            rows = self._rows_of_a_batch(columns)
            for batch in self._file.iter_batches(rows, columns=list(columns)):
                self._read += batch.num_rows
                yield batch.select(list(columns))
        except (pa.ArrowException, OSError) as error:
            raise DamagedFileError(
                f"this Parquet file is damaged: {reason(error)}",
                where=self.path,
                hint="copy it again",
            ) from error

    def _rows_of_a_batch(self, columns: Sequence[str]) -> int:
        """Fewer than usual where rows are wide, as those of vectors are."""
        about = self._file.metadata
        groups = [about.row_group(at) for at in range(about.num_row_groups)]
        chunks = (group.column(at) for group in groups for at in range(about.num_columns))
        size = sum(
            chunk.total_uncompressed_size
            for chunk in chunks
            if chunk.path_in_schema.startswith(tuple(columns))
        )
        return min(BATCH_ROWS, max(1, BATCH_BYTES * about.num_rows // max(size, 1)))


class TableSource(Source):
    """A table in memory: Arrow's, or any that gives itself as Arrow's (pandas, Polars, DuckDB).

    Args:
        name: What messages call it.
        table: The table.
    """

    in_memory = True

    def __init__(self, name: str, table: pa.Table) -> None:
        self._name, self._table, self._read = name, table, 0
        super().__init__(Path(name), table.column_names, "a table in memory")

    @property
    def size(self) -> int:
        return self._table.num_rows

    @property
    def done(self) -> int:
        return self._read

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        self._read = 0
        for batch in self._table.select(list(columns)).to_batches(BATCH_ROWS):
            self._read += batch.num_rows
            yield batch

    def place(self, row: int | None) -> Place:
        return Place(f"<{self._name}>", note="" if row is None else f"row {row}")


def _cells(column: Any) -> Any:
    """A column of vectors where an array has two dimensions, which Arrow refuses."""
    import pyarrow as pa

    if not isinstance(column, np.ndarray) or column.ndim != 2 or not column.shape[1]:
        return column
    return pa.FixedSizeListArray.from_arrays(np.ascontiguousarray(column).ravel(), column.shape[1])


def as_table(name: str, value: Any) -> pa.Table:
    """A data frame, an Arrow table, or a dictionary of arrays, as an Arrow table.

    Raises:
        DataError: It is none of these.
    """
    import pyarrow as pa

    try:
        if isinstance(value, pa.Table):
            return value
        if hasattr(value, "__arrow_c_stream__"):
            return pa.table(value)
        if isinstance(value, dict):
            return pa.table({str(column): _cells(cells) for column, cells in value.items()})
        if type(value).__module__.split(".")[0] == "pandas":
            return pa.Table.from_pandas(value, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        what = f"cannot make a table of this: {reason(error)}"
        raise DataError(what, where=Place(f"<{name}>")) from error
    raise DataError(
        "expected a data frame or a dictionary of columns",
        where=Place(f"<{name}>"),
        found=f"a {type(value).__name__}",
        hint="pass pandas, Polars or Arrow, or {'user': array, 'item': array}",
    )
