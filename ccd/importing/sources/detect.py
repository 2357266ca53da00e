"""What kind of file each source is, by its name and first bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ccd.errors import ConfigError, DataError, reading
from ccd.importing.sources.base import Source
from ccd.importing.sources.delimited import DelimitedSource, Layout, sniff
from ccd.importing.sources.json_lines import JsonLinesSource
from ccd.importing.sources.parquet import ParquetSource
from ccd.importing.sources.stream import read_start

TABLES = (".parquet", ".csv", ".tsv", ".txt", ".dat", ".data", ".json", ".jsonl", ".ndjson",
          ".inter")  # fmt: skip
"""Endings of files that a folder is searched for; ``.gz`` may follow."""

_PLAIN_TABS = (".inter", ".item", ".user")
"""RecBole and the MMRec toolbox write no quotes."""
_TYPED = re.compile(r".+:(token|token_seq|float|float_seq)")
_HEADERS = {
    "ratings.dat": ("userId", "movieId", "rating", "timestamp"),
    "movies.dat": ("movieId", "title", "genres"),
    "users.dat": ("userId", "gender", "age", "occupation", "zip"),
    "u.data": ("userId", "movieId", "rating", "timestamp"),
    "u.item": (
        "movieId",
        "title",
        "release_date",
        "video_release_date",
        "url",
        *(f"genre_{i}" for i in range(19)),
    ),
}
"""Files of MovieLens that have no header."""
_PAIRS = {
    "ratings.dat": "movies.dat",
    "ratings.csv": "movies.csv",
    "u.data": "u.item",
    "user_artists.dat": "artists.dat",
}
"""Events and items of MovieLens and Last.fm, by name."""
_ITEMS = "items"
"""Name of a file in a folder that holds what is known about items."""
_LATIN = ("movies.dat", "users.dat", "u.item", "artists.dat")


@dataclass(frozen=True)
class Reading:
    """How text files are written, where they do not say.

    Attributes:
        encoding: Of text files.
        delimiter: Between cells; None finds out.
        header: Names of the columns of files that have no header.
    """

    encoding: str = "utf-8"
    delimiter: str | None = None
    header: tuple[str, ...] = ()


def open_sources(paths: Sequence[Path], how: Reading) -> list[Source]:
    """The tables of files and folders; those of a folder in the order of their names.

    Raises:
        ConfigError: A path is not there.
        DataError: It is no table, or a folder has none.
    """
    return [open_file(file, how) for path in paths for file in files_of(path)]


def files_of(path: Path) -> list[Path]:
    """The file itself, or the tables of events in a folder and below.

    Raises:
        ConfigError: There is no such path.
        DataError: The folder has none.
    """
    with reading(path, DataError):
        if path.is_file():
            return [path]
        if not path.is_dir():
            hint = "check the path; it is read from this folder"
            raise ConfigError("there is no such file or folder", where=path, hint=hint)
        inside = _inside(path)
    if known := [file for file in inside if _plain_name(file) in _PAIRS]:
        return known[:1]
    found = [f for f in inside if ending(f) in TABLES and _stem(f) != _ITEMS]
    for preferred in (".inter", ".parquet"):
        # A folder of atomic files has tables of items too; one of shards may hold notes as text.
        if some := [file for file in found if ending(file) == preferred]:
            return some
    if not found:
        raise DataError(
            "this folder holds no table",
            where=path,
            found=", ".join(file.name for file in inside[:8]) or "nothing",
            hint=f"name a file, or a folder with files that end in {', '.join(TABLES)}",
        )
    return found


def items_beside(paths: Sequence[Path]) -> list[Path]:
    """Tables of items in those of the folders that are in a known layout."""
    found = []
    for path in paths:
        inside = _inside(path) if path.is_dir() else []
        events = files_of(path) if inside else []
        partners = {_PAIRS.get(_plain_name(file)) for file in events}
        found += [
            file
            for file in inside
            if _plain_name(file) in partners
            or (_stem(file) == _ITEMS and ending(file) in TABLES)
            or (ending(file) == ".item" and ending(events[0]) == ".inter")
        ]
    return found


def _inside(folder: Path) -> list[Path]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path for path in files if not _hidden(path, folder)]


def _plain_name(path: Path) -> str:
    return path.name.lower().removesuffix(".gz")


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.relative_to(root).parts)


def _stem(path: Path) -> str:
    return _plain_name(path).split(".")[0]


def ending(path: Path) -> str:
    """The last ending in lower case, without a ``.gz`` after it."""
    return Path(_plain_name(path)).suffix


def open_file(path: Path, how: Reading) -> Source:
    """One table.

    Raises:
        DataError: It cannot be read.
        ConfigError: The header that was named has another number of columns.
    """
    with reading(path, DataError), path.open("rb") as file:
        if file.read(4) == b"PAR1" or ending(path) == ".parquet":
            return ParquetSource(path)
    if ending(path) in (".json", ".jsonl", ".ndjson"):
        return JsonLinesSource(path, how.encoding)
    first = next((line for line in read_start(path, "latin-1") if line.strip()), "")
    if first.lstrip("\ufeffï»¿").startswith("{"):
        return JsonLinesSource(path, how.encoding)
    return DelimitedSource(path, _layout(path, how))


def _is_utf8(path: Path) -> bool:
    with reading(path, DataError):
        try:
            path.read_bytes().decode()
        except UnicodeDecodeError:
            return False
    return True


def _without_types(columns: tuple[str, ...]) -> tuple[str, ...]:
    """RecBole's ``user_id:token`` is ``user_id``."""
    typed = all(_TYPED.fullmatch(name) for name in columns)
    return tuple(name.rpartition(":")[0] for name in columns) if typed else columns


def _layout(path: Path, how: Reading) -> Layout:
    known = _HEADERS.get(_plain_name(path))
    encoding = how.encoding
    if _plain_name(path) in _LATIN and encoding == "utf-8" and not _is_utf8(path):
        encoding = "latin-1"
    layout = sniff(path, encoding=encoding, delimiter=how.delimiter)
    if ending(path) in _PLAIN_TABS and layout.delimiter == "\t":
        layout = replace(layout, quoted=False)
    if layout.headed:
        return replace(layout, columns=_without_types(layout.columns))
    names = how.header or known
    if names is None:
        return layout
    if len(names) != len(layout.columns):
        raise ConfigError(
            f"--header names {len(names)} columns, but this file has {len(layout.columns)}",
            where=path,
            keys=("--header",),
            hint="name one for each",
        )
    return replace(layout, columns=names)
