"""Text with a delimiter: CSV, TSV, RecBole's atomic files, MovieLens' ``::``."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from ccd.errors import CcdError, DamagedFileError, DataError, Place, reason
from ccd.importing.sources.base import Source
from ccd.importing.sources.stream import BLOCK, TextStream, opened, read_start, wrong_encoding
from ccd.threads import refuse_without_threads

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars", "::": "'::'"}
_LARGEST_CELL = 2**24
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")


@dataclass(frozen=True)
class Layout:
    """How a file is written.

    Attributes:
        delimiter: Between cells.
        quoted: Whether ``"`` around a cell is no part of it.
        columns: Names of the columns.
        headed: Whether the first line holds them.
        encoding: Of the characters.
    """

    delimiter: str
    quoted: bool
    columns: tuple[str, ...]
    headed: bool = True
    encoding: str = "utf-8"


class DelimitedSource(Source):
    """A file of text with one row a line, or several lines where a quoted cell has line ends."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self.layout = layout
        self._size, self._stream = path.stat().st_size, None
        named = DELIMITERS.get(layout.delimiter, repr(layout.delimiter))
        super().__init__(path, layout.columns, f"text separated by {named}")

    _stream: TextStream | None

    @property
    def size(self) -> int:
        return self._size

    @property
    def done(self) -> int:
        return self._stream.done if self._stream is not None else 0

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows in order.

        Raises:
            DataError: A line has too many or too few cells or wrong characters.
            DamagedFileError: The file ends in the middle of a line.
            ResourceError: No thread can be started to read it.
        """
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        refuse_without_threads(f"reading {self.path.name}")
        layout = self.layout
        several = len(layout.delimiter) > 1
        with opened(self.path, layout.delimiter if several else "") as stream:
            self._stream = stream
            try:
                reader = arrow_csv.open_csv(
                    stream,
                    arrow_csv.ReadOptions(
                        use_threads=False,
                        block_size=BLOCK,
                        column_names=list(layout.columns),
                        skip_rows=int(layout.headed),
                        encoding=layout.encoding,
                    ),
                    arrow_csv.ParseOptions(
                        delimiter=self._single,
                        quote_char='"' if layout.quoted else False,
                        newlines_in_values=layout.quoted,
                    ),
                    arrow_csv.ConvertOptions(
                        column_types=dict.fromkeys(columns, pa.string()),
                        include_columns=list(columns),
                        null_values=[""],
                        strings_can_be_null=True,
                    ),
                )
                yield from reader
            except pa.ArrowInvalid as error:
                if "Empty CSV file" in str(error):
                    return
                other = DataError(f"cannot read this file: {reason(error)}", where=self.path)
                raise self._first_fault() or other from error

    def place(self, row: int | None) -> Place:
        if row is None:
            return Place(str(self.path), 1 if self.layout.headed else None)
        with opened(self.path) as stream:
            line = next((line for line, _ in islice(self._rows(stream), row, None)), None)
        return Place(str(self.path), line)

    @property
    def _single(self) -> str:
        one = self.layout.delimiter
        return one if len(one) == 1 else TextStream.replacement.decode()

    def _rows(self, stream: TextStream) -> Iterator[tuple[int, list[str]]]:
        """The first line of each row, counted from 1, and its cells, as Arrow splits them."""
        csv.field_size_limit(_LARGEST_CELL)
        encoding = "utf-8-sig" if self.layout.encoding == "utf-8" else self.layout.encoding
        with io.TextIOWrapper(io.BufferedReader(stream), encoding=encoding, newline="") as text:
            if len(self.layout.delimiter) > 1:
                lines = (line.rstrip("\r\n") for line in text)
                yield from self._numbered(line.split(self.layout.delimiter) for line in lines)
            else:
                reader = csv.reader(
                    text,
                    delimiter=self.layout.delimiter,
                    quoting=csv.QUOTE_MINIMAL if self.layout.quoted else csv.QUOTE_NONE,
                )
                before, skipped = 1, not self.layout.headed
                for cells in reader:
                    if cells and skipped:
                        yield before, cells
                    skipped = skipped or bool(cells)
                    before = reader.line_num + 1

    def _numbered(self, rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
        numbered = ((line, cells) for line, cells in enumerate(rows, start=1) if cells != [""])
        yield from islice(numbered, int(self.layout.headed), None)

    def _first_fault(self) -> CcdError | None:
        """What is wrong with the first line that is wrong."""
        expected = len(self.columns)
        last: tuple[int, list[str]] | None = None
        line = 1
        with opened(self.path) as stream:
            try:
                for line, cells in self._rows(stream):
                    if last is not None:
                        return self._misfit(*last)
                    if len(cells) != expected:
                        last = line, cells
            except UnicodeDecodeError:
                return wrong_encoding(self.path, self._undecodable(), self.layout.encoding)
            except csv.Error as error:
                where = Place(str(self.path), line)
                return DataError(f"cannot read this row: {reason(error)}", where=where)
        return self._misfit(*last, at_end=True) if last is not None else None

    def _misfit(self, line: int, cells: list[str], *, at_end: bool = False) -> CcdError:
        found = f"{len(cells)} of {len(self.columns)} cells"
        where = Place(str(self.path), line, text="".join(cells)[:60])
        if at_end and len(cells) < len(self.columns) and not self._ends_line():
            return DamagedFileError(
                f"found {found}, and the file ends there without a line end: it seems cut off",
                where=where,
                hint="copy it again",
            )
        named = DELIMITERS.get(self.layout.delimiter, repr(self.layout.delimiter))
        return DataError(
            f"found {found} separated by {named}",
            where=where,
            hint="correct the line; cells that hold the delimiter must stand in double quotes",
        )

    def _ends_line(self) -> bool:
        last = b""
        with opened(self.path) as stream:
            while block := stream.read(BLOCK):
                last = block
        return last.endswith((b"\n", b"\r"))

    def _undecodable(self) -> int:
        """The first line that is not in the encoding."""
        with opened(self.path) as stream, io.BufferedReader(stream) as file:
            for number, line in enumerate(file, start=1):
                try:
                    line.decode(self.layout.encoding)
                except UnicodeDecodeError:
                    return number
        return 1


def sniff(path: Path, *, encoding: str, delimiter: str | None = None) -> Layout:
    """How a file is written, by its first lines; its columns are those of its first line.

    A file whose first line has a number among its cells has no header: its columns are then
    called ``1``, ``2``, and so on.

    Raises:
        DataError: It is no text, or has no lines.
    """
    lines = [line for line in read_start(path, encoding) if line]
    if not lines:
        raise DataError("this file has no lines with text", where=path)
    between = delimiter or _delimiter(lines[:20])
    quoted = len(between) == 1 and _quoted(lines[:1000], between)
    cells = _cells(lines[0], between, quoted)
    headed = not any(_NUMBER.fullmatch(cell.strip()) for cell in cells)
    names = tuple(cells) if headed else tuple(str(i + 1) for i in range(len(cells)))
    return Layout(between, quoted, names, headed, encoding)


def _delimiter(lines: Sequence[str]) -> str:
    """The delimiter that splits the first line into most cells, and the others into as many."""

    def score(delimiter: str) -> tuple[float, int]:
        counts = [
            len(_cells(line, delimiter, quoted=len(delimiter) == 1 and delimiter != "\t"))
            for line in lines
        ]
        equal = sum(count == counts[0] for count in counts) / len(counts)
        return (equal if counts[0] > 1 else 0.0), counts[0]

    if "::" in lines[0] and score("::")[0] == 1:
        return "::"
    return max((d for d in DELIMITERS if d != "::"), key=score)


def _quoted(lines: Sequence[str], delimiter: str) -> bool:
    """Whether double quotes around cells are no part of them; tabs often go without."""
    if delimiter != "\t":
        return True
    cells = [cell for line in lines for cell in line.split(delimiter) if cell.startswith('"')]
    return bool(cells) and all(len(cell) > 1 and cell.endswith('"') for cell in cells)


def _cells(line: str, delimiter: str, quoted: bool) -> list[str]:
    if len(delimiter) > 1 or not quoted:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter))
    except (csv.Error, StopIteration):
        return [line]
