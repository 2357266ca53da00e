"""Bytes of a text file, unpacked and checked on the way: gzip, NUL, other encodings, bombs."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ccd.errors import DamagedFileError, DataError, Place, reading, reason

BLOCK = 2**22
"""Bytes that are read at once."""
FREE_BYTES = 2**28
"""A gzip file may always unpack to this many bytes."""
MOST_EXPANSION = 100
"""Beyond that, it may unpack to at most this many times its own size."""

_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_KNOWN_STARTS = {
    b"PK": (
        "a zip archive or a workbook",
        "unpack it and name the file inside, or save the sheet as CSV",
    ),
    b"BZh": ("a bzip2 file", "unpack it, or pack it with gzip"),
    b"\xfd7zXZ": ("an xz file", "unpack it, or pack it with gzip"),
    b"\x28\xb5\x2f\xfd": ("a zstd file", "unpack it, or pack it with gzip"),
    b"\x80\x04": ("a pickle, which runs code when it is loaded", "write it as Parquet or CSV"),
    b"SQLite format 3": ("an SQLite database", "export the table as CSV"),
    b"version https://git-lfs": ("a Git LFS pointer", "run 'git lfs pull' to get the file itself"),
}


class TextStream(io.RawIOBase):
    """A text file from its first byte to its last, unpacked where it is gzip.

    Args:
        path: The file.
        separator: A separator of several characters, which becomes ``replacement``.

    Attributes:
        done: Bytes of the file on the disk that were read.
    """

    replacement = b"\x1f"

    def __init__(self, path: Path, separator: str = "") -> None:
        self._path, self._separator = path, separator.encode()
        self._file = path.open("rb")
        start = self._file.peek(32)[:32]
        refuse_foreign(path, start)
        self._packed = start.startswith(_GZIP)
        self._source = gzip.GzipFile(fileobj=self._file) if self._packed else self._file
        self._size = path.stat().st_size
        self._rest = b""
        self._unpacked = self._lines = 0

    @property
    def done(self) -> int:
        return self._size if self._file.closed else self._file.tell()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        block = self._rest or self._next(len(buffer))
        size = min(len(block), len(buffer))
        buffer[:size], self._rest = block[:size], block[size:]
        return size

    def close(self) -> None:
        self._file.close()
        super().close()

    def _next(self, size: int) -> bytes:
        block = self._read(size)
        self._refuse_nul(block)
        if not self._separator:
            return block
        while block.endswith(self._separator[:1]) and (more := self._read(size)):
            self._refuse_nul(more)
            block += more
        return block.replace(self._separator, self.replacement)

    def _read(self, size: int) -> bytes:
        try:
            block = self._source.read(size)
        except EOFError as error:
            raise DamagedFileError(
                f"this gzip file is cut off at {self._size:,} bytes",
                where=self._path,
                hint="copy it again",
            ) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            what = f"this gzip file is damaged: {reason(error)}"
            raise DamagedFileError(what, where=self._path, hint="copy it again") from error
        self._unpacked += len(block)
        if self._packed and self._unpacked > max(FREE_BYTES, MOST_EXPANSION * self._size):
            raise DataError(
                f"this gzip file of {self._size:,} bytes unpacks to more than "
                f"{self._unpacked - len(block):,}, which no table does",
                where=self._path,
                hint="if it is what you expect, unpack it yourself and name the unpacked file",
            )
        return block

    def _refuse_nul(self, block: bytes) -> None:
        at = block.find(b"\0")
        if at >= 0:
            raise DataError(
                "this line has a NUL character",
                where=Place(str(self._path), self._lines + block.count(b"\n", 0, at) + 1),
                hint="remove it: text files have none, so the file may be damaged or no text",
            )
        self._lines += block.count(b"\n")


@contextmanager
def opened(path: Path, separator: str = "") -> Iterator[TextStream]:
    """The file as a stream that is closed in the end.

    Raises:
        DataError: It cannot be read, or is no text.
        DamagedFileError: It is a gzip file that is damaged.
    """
    with reading(path, DataError):
        stream = TextStream(path, separator)
    try:
        yield stream
    finally:
        stream.close()


def read_start(path: Path, encoding: str, size: int = 2**16) -> list[str]:
    """The first lines of a file without their ends; the last is left out where it may be cut.

    Raises:
        DataError: They are not in that encoding.
    """
    with opened(path) as stream, io.BufferedReader(stream) as file:
        data = file.read(size)
    whole = len(data) < size
    try:
        text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        if not whole and error.start > len(data) - 4:
            text = data[: error.start].decode("utf-8-sig" if encoding == "utf-8" else encoding)
        else:
            raise wrong_encoding(path, data[: error.start].count(b"\n") + 1, encoding) from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[-1] == "" or (not whole and len(lines) > 1):
        lines.pop()
    return lines


def wrong_encoding(path: Path, line: int, encoding: str) -> DataError:
    """The refusal of a line that is in another encoding."""
    return DataError(
        f"this line is not {encoding.upper()}",
        where=Place(str(path), line),
        keys=("--encoding",),
        hint="save the file as UTF-8, or say what it is in: --encoding latin-1",
    )


def refuse_foreign(path: Path, start: bytes) -> None:
    """Refuse a file that is no text, by its first bytes.

    Raises:
        DataError: It is another kind of file; the message says which.
        DamagedFileError: It is empty.
    """
    if not start:
        raise DamagedFileError("this file is empty (0 bytes)", where=path, hint="copy it again")
    if start.startswith(_UTF16):
        raise DataError("this file is UTF-16, not UTF-8", where=path, hint="save it as UTF-8")
    for known, (what, way_out) in _KNOWN_STARTS.items():
        if start.startswith(known):
            raise DataError(f"this is {what}, not a table", where=path, hint=way_out)
