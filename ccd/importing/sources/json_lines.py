"""JSON lines, and the Python literals that the Amazon reviews of 2014 are written in."""

from __future__ import annotations

import ast
import io
import json
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ccd.errors import CcdError, DamagedFileError, DataError, Place
from ccd.importing.sources.base import Source
from ccd.importing.sources.stream import TextStream, opened, wrong_encoding

if TYPE_CHECKING:
    import pyarrow as pa

_LOOKED_AT = 1000
_ROWS = 2**15
_FAILS = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)
"""What ``ast.literal_eval`` and ``json.loads`` raise on a line that is not theirs."""


class JsonLinesSource(Source):
    """A file with one object on each line."""

    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        self.path, self._encoding = path, encoding
        self._size = path.stat().st_size
        self._stream: TextStream | None = None
        self._parse: Callable[[str], Any] = _json
        names: dict[str, None] = {}
        with opened(path) as stream:
            for number, line in islice(self._lines(stream), _LOOKED_AT):
                if not names:
                    self._parse = _parser(line)
                names |= dict.fromkeys(self._record(number, line))
        kind = "JSON lines" if self._parse is _json else "Python literals, one a line"
        super().__init__(path, list(names), kind)

    @property
    def size(self) -> int:
        return self._size

    @property
    def done(self) -> int:
        return self._stream.done if self._stream is not None else 0

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows in order.

        Raises:
            DataError: A line is no object.
            DamagedFileError: The last line is cut off.
        """
        import pyarrow as pa

        with opened(self.path) as stream:
            self._stream = stream
            records = (self._record(number, line) for number, line in self._lines(stream))
            while rows := list(islice(records, _ROWS)):
                cells = {name: [cell_text(row.get(name)) for row in rows] for name in columns}
                yield pa.record_batch({k: pa.array(v, pa.string()) for k, v in cells.items()})

    def place(self, row: int | None) -> Place:
        if row is None:
            return Place(str(self.path))
        with opened(self.path) as stream:
            return Place(str(self.path), next(islice(self._lines(stream), row, None))[0])

    def _lines(self, stream: TextStream) -> Iterator[tuple[int, str]]:
        """Number and text of each line that is not blank."""
        number = 0
        encoding = "utf-8-sig" if self._encoding == "utf-8" else self._encoding
        with io.BufferedReader(stream, 2**20) as file:
            for number, raw in enumerate(file, start=1):
                try:
                    line = raw.decode(encoding if number == 1 else self._encoding)
                except UnicodeDecodeError as error:
                    raise wrong_encoding(self.path, number, self._encoding) from error
                if not line.isspace():
                    yield number, line

    def _record(self, number: int, line: str) -> dict[str, Any]:
        try:
            record = self._parse(line)
        except _FAILS as error:
            raise self._refusal(number, line) from error
        if not isinstance(record, dict):
            raise DataError(
                "expected one object with the columns as keys",
                where=Place(str(self.path), number),
                found=type(record).__name__,
                hint="write one JSON object on each line",
            )
        return record

    def _refusal(self, number: int, line: str) -> CcdError:
        where = Place(str(self.path), number, text=line.strip()[:60])
        if not line.endswith("\n"):
            what = "this last line is not whole: the file seems cut off"
            return DamagedFileError(what, where=where, hint="copy it again")
        what = "JSON object" if self._parse is _json else "Python literal"
        return DataError(f"this line is no {what}", where=where, hint="correct or remove the line")


def cell_text(value: Any) -> str | None:
    """A value as the text of a cell; lists are joined, and what is empty is null."""
    if value is None or value == "" or value != value:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(text for item in value if (text := cell_text(item)) is not None) or None
    if isinstance(value, (dict, tuple)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a key comes twice")
    return record


def _json(line: str) -> Any:
    return json.loads(line, object_pairs_hook=_unique)


def _parser(first: str) -> Callable[[str], Any]:
    """JSON, or a literal where the first line is one and no JSON."""
    try:
        json.loads(first)
    except ValueError:
        return ast.literal_eval if first.lstrip().startswith("{") else _json
    return _json
