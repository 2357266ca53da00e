"""Derived arrays kept by content hash, so a changed input can never meet an old result.

A file's name is not trusted: it holds a checksum of what it was made from and of its arrays.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from platformdirs import user_cache_dir

from ccd.arguments import as_path
from ccd.errors import ResourceError, reason
from ccd.files import replacing

_FORMAT = 4
"""Raised whenever the meaning of a cached array changes."""
_CHECKSUM = "checksum"
_LOG = logging.getLogger("ccd")


def cache_folder() -> Path:
    """``$CCD_CACHE``, or the user's cache folder."""
    return as_path(os.environ.get("CCD_CACHE") or user_cache_dir("ccd"))


def cached_arrays(
    kind: str, inputs: Sequence[object], make: Callable[[], dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """``make()``, or its earlier result for the same inputs.

    A file that does not hold that result is made again, and a warning is logged.

    Args:
        kind: Prefix of the file name, e.g. ``knn``.
        inputs: Everything the result depends on: arrays (hashed by content) and plain values.
        make: Computes the arrays.
    """
    digest = _digest(inputs)
    path = cache_folder() / f"{kind}-{digest}.npz"
    try:
        return _load(path, digest)
    except FileNotFoundError:
        pass
    except Exception as error:  # whatever it is: made again, and replaced where that is allowed
        _LOG.warning("note: the cached file %s is made again: %s", path, reason(error))
    arrays = make()
    _store(path, arrays, _checksum(digest, arrays))
    return arrays


def _load(path: Path, digest: str) -> dict[str, np.ndarray]:
    """The arrays of a file.

    Raises:
        Exception: Of many kinds: there is none, it is damaged or holds something else.
    """
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    if str(arrays.pop(_CHECKSUM, "")) != _checksum(digest, arrays):
        raise ValueError("its checksum is not that of its content")
    return arrays


def _checksum(digest: str, arrays: dict[str, np.ndarray]) -> str:
    """Of ``arrays`` and of the inputs with this ``digest``; hexadecimal."""
    found = hashlib.sha256(digest.encode())
    for name, array in sorted(arrays.items()):
        found.update(f"|{name} {array.dtype.str} {array.shape}|".encode())
        found.update(np.ascontiguousarray(array).data.cast("B"))
    return found.hexdigest()


def _digest(inputs: Sequence[object]) -> str:
    digest = hashlib.sha256(str(_FORMAT).encode())
    for value in inputs:
        if isinstance(value, np.ndarray):
            digest.update(f"{value.dtype}{value.shape}".encode())
            for start in range(0, len(value), 4096):
                digest.update(np.ascontiguousarray(value[start : start + 4096]).data)
        else:
            digest.update(f"{value!r};".encode())
    return digest.hexdigest()[:32]


def _store(path: Path, arrays: dict[str, np.ndarray], checksum: str) -> None:
    # A full or read-only disk only costs the next run the same work.
    with suppress(ResourceError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays, **{_CHECKSUM: np.array(checksum)})  # type: ignore[arg-type]
