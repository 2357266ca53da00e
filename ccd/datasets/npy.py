"""Strict reader of ``.npy`` files: memory-mapped, never code, never half a file."""

from __future__ import annotations

import math
import tokenize
from pathlib import Path

import numpy as np
from numpy.lib import format as npy_format

from ccd.datasets.foreign import refuse_foreign
from ccd.errors import DamagedFileError, DataError, reading, reason

_BAD_HEADER = (ValueError, TypeError, SyntaxError, tokenize.TokenError)
"""What numpy's reader raises on headers that are not one."""


def open_npy(path: Path) -> np.ndarray:
    """Memory-map an array of numbers, read-only.

    Raises:
        DamagedFileError: Empty, truncated, too long, holding pickled objects or no ``.npy`` file.
        DataError: Not readable, or its elements are not real numbers.
    """
    with reading(path, DataError):
        found = path.stat().st_size
        shape, dtype, offset = _read_header(path, found)
    if dtype.hasobject:
        raise DamagedFileError(
            "this file holds pickled Python objects, which run code when they are loaded",
            where=path,
            hint="save numbers: numpy.save(path, array.astype('float32'))",
        )
    expected = offset + math.prod(shape) * dtype.itemsize
    if found != expected:
        state = "is truncated" if found < expected else "goes on after its array"
        raise DamagedFileError(
            f"this file {state}: expected {expected:,} bytes for {dtype.name} {list(shape)}",
            where=path,
            found=f"{found:,}",
            hint="copy it again",
        )
    if dtype.kind not in "fiub":
        raise DataError(
            "expected numbers",
            where=path,
            found=dtype.name,
            hint="save float32 or float16",
        )
    if not math.prod(shape):
        raise DataError("this array has no elements", where=path, found=f"shape {list(shape)}")
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _read_header(path: Path, found: int) -> tuple[tuple[int, ...], np.dtype, int]:
    if not found:
        raise DamagedFileError(
            "this file is empty (0 bytes), expected a .npy array", where=path, hint="copy it again"
        )
    with path.open("rb") as file:
        start = file.read(32)
        refuse_foreign(path, start, "a .npy file")
        file.seek(0)
        readers = {
            (1, 0): npy_format.read_array_header_1_0,
            (2, 0): npy_format.read_array_header_2_0,
        }
        try:
            version = npy_format.read_magic(file)
            if version not in readers:
                what = f".npy format {version} is not supported"
                raise DataError(what, where=path, hint="save plain float32")
            shape, _, dtype = readers[version](file)
        except _BAD_HEADER as error:
            raise DamagedFileError(
                f"this file has no complete .npy header in its {found:,} bytes: {reason(error)}",
                where=path,
                hint="copy it again",
            ) from error
        return shape, dtype, file.tell()
