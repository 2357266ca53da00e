"""Derived arrays kept by content hash, so a changed input can never meet an old result."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from platformdirs import user_cache_dir

from ccd.arguments import as_path
from ccd.errors import ResourceError
from ccd.files import replacing

_FORMAT = 4
"""Raised whenever the meaning of a cached array changes."""


def cache_folder() -> Path:
    """``$CCD_CACHE``, or the user's cache folder."""
    return as_path(os.environ.get("CCD_CACHE") or user_cache_dir("ccd"))


def cached_arrays(
    kind: str, inputs: Sequence[object], make: Callable[[], dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """``make()``, or its earlier result for the same inputs.

    Args:
        kind: Prefix of the file name, e.g. ``knn``.
        inputs: Everything the result depends on: arrays (hashed by content) and plain values.
        make: Computes the arrays.
    """
    path = cache_folder() / f"{kind}-{_digest(inputs)}.npz"
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except Exception:  # not there, damaged, or not ours to read: made again, replaced where allowed
        pass
    arrays = make()
    _store(path, arrays)
    return arrays


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


def _store(path: Path, arrays: dict[str, np.ndarray]) -> None:
    # A full or read-only disk only costs the next run the same work.
    with suppress(ResourceError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
