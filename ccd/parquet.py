"""Reading Parquet files, where no thread can be started too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import pyarrow as pa


def read_columns(file: BinaryIO, columns: Sequence[str] | None = None) -> pa.Table:
    """Columns of an open Parquet file, in the file's order; all of them where none are named.

    Raises:
        OSError: The file cannot be read, or is damaged inside.
        pa.ArrowException: It is damaged, or no Parquet file.
    """
    from pyarrow import parquet

    # Not read_table, whose scanner has threads of its own and waits for ever where none can be
    # made; reading ahead needs one too. No path, for pyarrow takes some for addresses ("exp:1").
    whole = parquet.ParquetFile(file, pre_buffer=False)
    return whole.read(None if columns is None else list(columns), use_threads=False)
