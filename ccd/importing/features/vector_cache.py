"""Vectors that an encoder made before, by the hash of what they were made of."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from typing_extensions import Self

from ccd.errors import DamagedFileError, ResourceError, reason
from ccd.files import refusing_io
from ccd.graphs.cache import cache_folder

_AT_ONCE = 500
"""Keys of a question; SQLite has a limit."""


class VectorCache:
    """Vectors of one encoder in an SQLite file, in which a batch is there whole or not at all.

    Args:
        version: The encoder's.

    Raises:
        DamagedFileError: The file is no such cache.
        ResourceError: It cannot be written.
    """

    def __init__(self, version: str) -> None:
        self._path = cache_folder() / "encoded" / f"{version}.sqlite"

    def __enter__(self) -> Self:
        with refusing_io(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        with _refusing(self._path):
            self._file = sqlite3.connect(self._path, timeout=60)
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL) "
                "WITHOUT ROWID"
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def has(self, keys: Sequence[bytes]) -> bool:
        """Whether the vectors of all keys are there."""
        return len(self._found(keys)) == len(set(keys))

    def get(self, keys: Sequence[bytes]) -> list[np.ndarray | None]:
        """Vectors ``[dim]``, float32, of keys that are there; None where there can be none."""
        found = self._found(keys)
        try:
            vectors = [np.frombuffer(found[key], dtype="<f4") for key in keys]
        except (KeyError, ValueError) as error:
            raise _damaged(self._path, "a vector is missing or cut off") from error
        return [vector if len(vector) else None for vector in vectors]

    def put(self, keys: Sequence[bytes], vectors: Sequence[np.ndarray | None]) -> None:
        """Keep vectors ``[dim]``, or that there can be none; they are on the disk on return."""
        blobs = [b"" if vector is None else vector.astype("<f4").tobytes() for vector in vectors]
        rows = list(zip(keys, blobs, strict=True))
        with _refusing(self._path), self._file:
            self._file.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)

    def _found(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        with _refusing(self._path):
            for start in range(0, len(keys), _AT_ONCE):
                some = list(keys[start : start + _AT_ONCE])
                marks = ",".join("?" * len(some))
                asked = f"SELECT key, vector FROM vectors WHERE key IN ({marks})"
                found.update(self._file.execute(asked, some))
        return found


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise ResourceError(
            f"cannot use the cache of encoded vectors: {reason(error)}",
            where=path,
            hint="make that folder writable, or name another in the environment variable CCD_CACHE",
        ) from error
    except sqlite3.DatabaseError as error:
        raise _damaged(path, reason(error)) from error


def _damaged(path: Path, what: str) -> DamagedFileError:
    return DamagedFileError(
        f"the cache of encoded vectors is damaged: {what}", where=path, hint="remove that file"
    )
