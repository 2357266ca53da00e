"""What every source can do: name its columns, give its rows in batches, and find a row again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ccd.errors import DataError, Place
from ccd.suggestions import did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 2**18
"""Most rows of a batch."""
BATCH_BYTES = 2**26
"""About as many bytes a batch of a Parquet file has, at most."""


class Source(ABC):
    """One table: a file, or a table in memory.

    Attributes:
        path: The file; for messages only where the table is in memory.
        columns: Names of the columns, in order.
        kind: What it was taken for, such as ``comma-separated text``.
        in_memory: There is no file, so there is nothing to hash.
    """

    in_memory = False

    def __init__(self, path: Path, columns: Sequence[str], kind: str) -> None:
        self.path, self.columns, self.kind = path, tuple(columns), kind
        twice = [name for name in self.columns if self.columns.count(name) > 1]
        if twice:
            raise DataError(
                f"two columns are called '{twice[0]}'",
                where=self.place(None),
                found=", ".join(self.columns[:20]),
                hint="rename one of them",
            )

    @abstractmethod
    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows in order, with these columns.

        Cells of text files are texts; an empty or missing one is null.
        """

    @property
    @abstractmethod
    def size(self) -> int:
        """How much there is to read, in any unit."""

    @property
    @abstractmethod
    def done(self) -> int:
        """How much of ``size`` was read."""

    def place(self, row: int | None) -> Place:
        """Where row ``row`` is, counted from 0; None stands for the names of the columns."""
        return Place(str(self.path), note="" if row is None else f"row {row + 1:,}")

    def need(self, column: str, option: str) -> str:
        """``column``, which an option named.

        Raises:
            DataError: There is no such column.
        """
        if column in self.columns:
            return column
        raise DataError(
            f"there is no column '{column}'",
            where=self.place(None),
            keys=(option,),
            hint=did_you_mean(column, self.columns, list_all=True),
        )
