"""Which items share users: sparse counts, taken a block of rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from scipy import sparse

_BLOCK_CELLS = 8_000_000
"""Counts held at once at most: 64 MB of them and their ids."""


class Heaviest(NamedTuple):
    """The heaviest entries of each row, in their order: row, column, weight and place ``[n]``."""

    rows: np.ndarray
    columns: np.ndarray
    weights: np.ndarray
    places: np.ndarray


def heaviest(rows: np.ndarray, columns: np.ndarray, weights: np.ndarray, kept: int) -> Heaviest:
    """The ``kept`` heaviest entries of each row, ties by column.

    Args:
        rows: Row of each entry ``[n]``.
        columns: Its column.
        weights: Its weight.
        kept: How many of a row are kept at most.
    """
    order = np.lexsort((columns, -weights, rows))
    rows, columns, weights = rows[order], columns[order], weights[order]
    places = np.arange(len(rows)) - np.searchsorted(rows, rows)
    top = places < kept
    return Heaviest(rows[top], columns[top], weights[top], places[top])


def nearest_by_users(
    interactions: sparse.csr_matrix, k: int, shrinkage: float
) -> sparse.csr_matrix:
    """Each item's ``k`` nearest others by the users they share, float32 ``[n_items, n_items]``.

    Args:
        interactions: 0/1 matrix ``[n_users, n_items]``.
        k: Nearest items that are kept; an item that shares users with fewer has fewer.
        shrinkage: Added to the cosine's denominator.
    """
    from scipy import sparse

    by_item = interactions.T.tocsr()
    n_items = by_item.shape[0]
    degrees = np.diff(by_item.indptr).astype(np.float64)
    block = max(1, _BLOCK_CELLS // n_items)
    found = []
    for start in range(0, n_items, block):
        shared = (by_item[start : start + block] @ interactions).tocoo()
        rows, columns = shared.row.astype(np.int64) + start, shared.col.astype(np.int64)
        others = rows != columns
        rows, columns = rows[others], columns[others]
        size = np.sqrt(degrees[rows] * degrees[columns]) + shrinkage
        found.append(heaviest(rows, columns, shared.data[others] / size, k))
    rows, columns, values, _ = (np.concatenate(parts) for parts in zip(*found, strict=True))
    shape = (n_items, n_items)
    return sparse.csr_matrix((values.astype(np.float32), (rows, columns)), shape=shape)
