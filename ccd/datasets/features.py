"""Feature matrices: opened from ``.npy``, checked row by row in blocks, never copied if avoidable.

What a look at them found is said in notes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ccd.datasets.npy import open_npy
from ccd.errors import DataError

_BLOCK_ELEMENTS = 2**21
_NOTED_SHARE = 0.01


@dataclass(frozen=True)
class Scan:
    """What one pass over a feature matrix found.

    Attributes:
        non_finite: Items whose row has a NaN or an infinity.
        zero: Number of all-zero rows.
        repeated: Number of other rows that are equal to another one.
        constant: Number of columns with one value in all rows.
    """

    non_finite: np.ndarray
    zero: int
    repeated: int
    constant: int


def open_features(
    path: Path, modality: str, n_items: int, *, non_finite: Literal["refuse", "zero"]
) -> tuple[np.ndarray, list[str]]:
    """Open the features of one modality; row = item id.

    float16 and float32 in C order stay memory-mapped; anything else becomes float32 in memory.

    Args:
        path: A ``.npy`` file.
        modality: Its name, for messages and notes.
        n_items: Rows that it must have.
        non_finite: What to do with rows that have a NaN or an infinity; ``zero`` sets the whole
            row to zero, which is an item without this modality.

    Returns:
        The read-only array ``[n_items, dim]`` and notes, one sentence each.

    Raises:
        DataError: Wrong shape or, by policy, values that are not finite.
        DamagedFileError: The file is truncated, holds pickled objects or is no ``.npy`` file.
    """
    array = open_npy(path)
    kind = f"{array.dtype.name} {list(array.shape)}"
    if array.ndim != 2:
        raise DataError(f"expected {modality} features [n_items, dim]", where=path, found=kind)
    if len(array) != n_items:
        first, last = sorted((len(array), n_items))
        which = "items without a row" if len(array) < n_items else "rows without an item"
        raise DataError(
            f"{modality} features must have a row for each of the {n_items:,} items",
            where=path,
            found=f"{len(array):,} rows ({which}: {first}..{last - 1})",
            hint="row i must be item i",
        )
    array, notes = _usable(array, modality)
    scan = scan_features(array)
    if len(scan.non_finite):
        array, note = _without_non_finite(array, scan.non_finite, path, modality, non_finite)
        notes.append(note)
    return array, notes + _describe(scan, modality, array.shape)


def scan_features(array: np.ndarray) -> Scan:
    """Look at all rows once, a few MB at a time."""
    rows = max(1, _BLOCK_ELEMENTS // array.shape[1])
    low = np.full(array.shape[1], np.inf)
    high = np.full(array.shape[1], -np.inf)
    copies: Counter[int] = Counter()
    non_finite: list[np.ndarray] = []
    zero = 0
    for start in range(0, len(array), rows):
        block = np.asarray(array[start : start + rows])
        finite = np.isfinite(block).all(axis=1)
        non_finite.append(start + np.flatnonzero(~finite))
        block = block if finite.all() else block[finite]
        filled = block.any(axis=1)
        zero += int((~filled).sum())
        copies.update(hash(row.tobytes()) for row in block[filled])
        np.minimum(low, block.min(axis=0, initial=np.inf), out=low)
        np.maximum(high, block.max(axis=0, initial=-np.inf), out=high)
    repeated = sum(count for count in copies.values() if count > 1)
    return Scan(np.concatenate(non_finite), zero, repeated, int((low == high).sum()))


def _usable(array: np.ndarray, modality: str) -> tuple[np.ndarray, list[str]]:
    target = array.dtype.newbyteorder("=")
    if target not in (np.float16, np.float32):
        target = np.dtype(np.float32)
    if array.dtype == target and array.flags.c_contiguous:
        return array, []
    with np.errstate(over="ignore"):  # what overflows becomes infinite, and that is refused
        converted = np.ascontiguousarray(array, dtype=target)
    converted.flags.writeable = False
    order = "" if array.flags.c_contiguous else ", Fortran order"
    swapped = "" if array.dtype.isnative else ", foreign byte order"
    return converted, [
        f"{modality}: {array.dtype.name}{order}{swapped} was converted to {target.name} in memory"
    ]


def _without_non_finite(
    array: np.ndarray, items: np.ndarray, path: Path, modality: str, policy: str
) -> tuple[np.ndarray, str]:
    shown = ", ".join(map(str, items[:5])) + (", ..." if len(items) > 5 else "")
    found = f"{len(items):,} items with NaN or infinite {modality} features: {shown}"
    if policy == "refuse":
        raise DataError(
            found,
            where=path,
            keys=("mmrec_dataset.non_finite",),
            hint="correct the file, or set mmrec_dataset.non_finite = 'zero' to treat these items "
            "as having none",
        )
    cleaned = np.array(array)
    cleaned[items] = 0
    cleaned.flags.writeable = False
    return cleaned, f"{found}; their rows were set to zero, in memory"


def _describe(scan: Scan, modality: str, shape: tuple[int, ...]) -> list[str]:
    n_items, dim = shape
    notes = []
    if scan.zero:
        notes.append(f"{modality}: {scan.zero:,} of {n_items:,} items have none (zero rows)")
    if scan.repeated > _NOTED_SHARE * n_items:
        notes.append(
            f"{modality}: {scan.repeated:,} items ({scan.repeated / n_items:.1%}) share their "
            "vector with another item (placeholders?)"
        )
    if scan.constant:
        notes.append(f"{modality}: {scan.constant:,} of {dim:,} columns are constant")
    return notes
