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
from ccd.datasets.scale import LARGEST, SMALLEST
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
        flat: Number of other rows with one value in all columns, of which there are several.
        huge: Number of rows with values so large that float32 cannot compute the row's length.
        tiny: Number of other rows with values so small that it cannot.
        largest: Size of the largest value.
    """

    non_finite: np.ndarray
    zero: int
    repeated: int
    constant: int
    flat: int
    huge: int
    tiny: int
    largest: float


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
            keys=("mmrec_dataset.item_order",),
            hint="row i must be item i; if the rows are in an order of their own, or some of their "
            "items have no interaction, list the ids of all rows in a file, one a line, and name "
            "it in mmrec_dataset.item_order",
        )
    given = array
    array, notes = _usable(given, modality)
    scan, lost = scan_features(array), _lost(given, array)
    faults = {
        f"{modality} features that float32 cannot hold": lost,
        f"NaN or infinite {modality} features": np.setdiff1d(scan.non_finite, lost),
    }
    for what, items in faults.items():
        if len(items):
            array, note = _without(array, items, what, path, non_finite)
            notes.append(note)
    return array, notes + _describe(scan, modality, array.shape)


def scan_features(array: np.ndarray) -> Scan:
    """Look at all rows once, a few MB at a time."""
    rows = max(1, _BLOCK_ELEMENTS // array.shape[1])
    low = np.full(array.shape[1], np.inf)
    high = np.full(array.shape[1], -np.inf)
    copies: Counter[int] = Counter()
    non_finite: list[np.ndarray] = []
    zero = flat = huge = tiny = 0
    largest = 0.0
    for start in range(0, len(array), rows):
        block = np.asarray(array[start : start + rows])
        finite = np.isfinite(block).all(axis=1)
        non_finite.append(start + np.flatnonzero(~finite))
        block = block if finite.all() else block[finite]
        filled = block.any(axis=1)
        zero += int((~filled).sum())
        copies.update(hash(row.tobytes()) for row in block[filled])
        tops, bottoms = block.max(axis=1), block.min(axis=1)
        sizes = np.maximum(tops, -bottoms).astype(np.float32)
        flat += int((filled & (tops == bottoms)).sum()) if block.shape[1] > 1 else 0
        huge += int((sizes >= LARGEST).sum())
        tiny += int(((sizes > 0) & (sizes <= SMALLEST)).sum())
        largest = max(largest, float(sizes.max(initial=0)))
        np.minimum(low, block.min(axis=0, initial=np.inf), out=low)
        np.maximum(high, block.max(axis=0, initial=-np.inf), out=high)
    repeated = sum(count for count in copies.values() if count > 1)
    constant = int((low == high).sum())
    return Scan(np.concatenate(non_finite), zero, repeated, constant, flat, huge, tiny, largest)


def _usable(array: np.ndarray, modality: str) -> tuple[np.ndarray, list[str]]:
    target = array.dtype.newbyteorder("=")
    if target not in (np.float16, np.float32):
        target = np.dtype(np.float32)
    if array.dtype == target and array.flags.c_contiguous:
        return array, []
    with np.errstate(over="ignore", invalid="ignore"):  # what becomes infinite or NaN is refused
        converted = np.ascontiguousarray(array, dtype=target)
    converted.flags.writeable = False
    order = "" if array.flags.c_contiguous else ", Fortran order"
    swapped = "" if array.dtype.isnative else ", foreign byte order"
    return converted, [
        f"{modality}: {array.dtype.name}{order}{swapped} was converted to {target.name} in memory"
    ]


def _lost(given: np.ndarray, converted: np.ndarray) -> np.ndarray:
    """Items whose row is finite and not zero as it was given, but is not once it is converted."""
    if given is converted:
        return np.empty(0, dtype=np.int64)
    rows = max(1, _BLOCK_ELEMENTS // given.shape[1])
    lost = []
    for start in range(0, len(given), rows):
        before, after = given[start : start + rows], converted[start : start + rows]
        infinite = np.isfinite(before).all(axis=1) & ~np.isfinite(after).all(axis=1)
        with np.errstate(invalid="ignore"):  # NaN is looked for elsewhere
            vanished = before.any(axis=1) & ~after.any(axis=1)
        lost.append(start + np.flatnonzero(infinite | vanished))
    return np.concatenate(lost)


def _without(
    array: np.ndarray, items: np.ndarray, what: str, path: Path, policy: str
) -> tuple[np.ndarray, str]:
    """The array with the rows of ``items`` set to zero and a note, where the policy allows it."""
    shown = ", ".join(map(str, items[:5])) + (", ..." if len(items) > 5 else "")
    found = f"{len(items):,} items with {what}: {shown}"
    if policy == "refuse":
        raise DataError(
            found,
            where=path,
            keys=("mmrec_dataset.non_finite",),
            hint="correct or scale the file, or set mmrec_dataset.non_finite = 'zero' to treat "
            "these items as having none",
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
    if scan.flat:
        notes.append(
            f"{modality}: {scan.flat:,} items have one value in all columns (placeholders?)"
        )
    if scan.huge:
        notes.append(
            f"{modality}: {scan.huge:,} items have values of up to {scan.largest:.3g} in size "
            "(signs of missing ones?); item graphs bear them, but in models that project features "
            "they overflow: scale the file, or set such rows to zero"
        )
    if scan.tiny:
        notes.append(
            f"{modality}: {scan.tiny:,} items have no value above {SMALLEST:g} in size; item "
            "graphs bear them, but a model that projects features learns nothing from them: scale "
            "the file"
        )
    if scan.constant:
        notes.append(f"{modality}: {scan.constant:,} of {dim:,} columns are constant")
    return notes
