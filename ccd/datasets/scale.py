"""Feature rows of any scale: which are beyond the ordinary, and how cosines of them are taken."""

from __future__ import annotations

import numpy as np

SMALLEST, LARGEST = 1e-10, 1e15
"""Largest value of an ordinary row: float32 holds the squares of such rows, and their sum."""
_BLOCK = 65_536
"""Rows that are held as float32 at once."""


def extents(rows: np.ndarray) -> np.ndarray:
    """The size of the largest value in each of ``rows [n, dim]``; ``[n]``."""
    high, low = rows.max(axis=1), rows.min(axis=1)
    return np.maximum(high, -low)


def extraordinary(extents: np.ndarray) -> np.ndarray:
    """Whether the row with each of ``extents [n]`` has a length that float32 cannot compute."""
    return (extents > 0) & ~((extents > SMALLEST) & (extents < LARGEST))


def computable(features: np.ndarray) -> np.ndarray:
    """A float32 copy of ``features [n, dim]`` whose rows have lengths that float32 can compute.

    Ordinary rows stay as they are, to the last bit. Others, whose squares would overflow or vanish,
    are divided by their largest value: directions stay, so cosines do.
    """
    rows = np.array(features, dtype=np.float32)
    sizes = extents(rows)
    odd = extraordinary(sizes)
    rows[odd] /= sizes[odd, None]
    return rows


def cosines_to(vectors: np.ndarray, place: int) -> np.ndarray:
    """Cosines of one of ``vectors [n, dim]`` to all ``[n]``; NaN where a vector is all zero."""
    anchor = computable(vectors[place : place + 1])[0]
    found = np.empty(len(vectors), dtype=np.float32)
    for start in range(0, len(vectors), _BLOCK):
        rows = computable(vectors[start : start + _BLOCK])
        lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(anchor)
        with np.errstate(invalid="ignore"):
            found[start : start + _BLOCK] = (rows @ anchor) / lengths
    return found
