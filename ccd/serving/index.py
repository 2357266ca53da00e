"""Finding the items with the largest inner products: exactly, or by an approximate index."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ccd.extras import import_extra
from ccd.serving.layout import INDEX_FILES

_EXPANSION = 256
"""Candidates that a search looks at: recall .99, where usearch's own 64 gives .91."""


class Index(Protocol):
    """Finds items by the inner product with a vector."""

    def search(self, vectors: np.ndarray, k: int) -> np.ndarray:
        """Positions of (about) the ``k`` best items of each row ``[n, dim]``; int64 ``[n, k]``.

        Best first is not promised: whoever asks computes the scores of what is found.
        """


class ExactIndex:
    """All inner products, by blocks of users.

    Args:
        items: Item vectors ``[n_items, dim]``.
    """

    def __init__(self, items: np.ndarray) -> None:
        self._items = np.asarray(items)

    def search(self, vectors: np.ndarray, k: int) -> np.ndarray:
        """The ``k`` best items of each row, in any order."""
        k = min(k, len(self._items))
        scores = vectors @ self._items.T
        if k == len(self._items):
            return np.broadcast_to(np.arange(k), scores.shape)
        return np.argpartition(scores, -k, axis=1)[:, -k:]


class UsearchIndex:
    """A graph index of usearch, memory-mapped: approximate, for millions of items.

    Args:
        path: What ``write_index`` wrote.
    """

    def __init__(self, path: Path) -> None:
        self._index = _usearch().Index.restore(str(path), view=True)
        self._index.expansion_search = _EXPANSION

    def search(self, vectors: np.ndarray, k: int) -> np.ndarray:
        """About the ``k`` best items of each row, best first."""
        found = self._index.search(np.ascontiguousarray(vectors), k)
        keys = np.asarray(found.keys, dtype=np.int64)
        return keys.reshape(len(vectors), -1)


def write_index(kind: str, items: np.ndarray, path: Path) -> None:
    """Build an approximate index over item vectors ``[n_items, dim]`` and write it.

    Its inner products are the model's scores.

    Args:
        kind: ``usearch``, ``hnswlib`` or ``faiss``.
        items: Item vectors.
        path: Where to write.

    Raises:
        ResourceError: The package that builds it is not installed.
    """
    _WRITERS[kind](np.ascontiguousarray(items, dtype=np.float32), path)


def _write_usearch(items: np.ndarray, path: Path) -> None:
    index = _usearch().Index(ndim=items.shape[1], metric="ip", dtype="f32", connectivity=32)
    index.add(np.arange(len(items)), items)
    index.save(str(path))


def _write_hnswlib(items: np.ndarray, path: Path) -> None:
    hnswlib = _package("hnswlib")
    index = hnswlib.Index(space="ip", dim=items.shape[1])
    index.init_index(max_elements=len(items), ef_construction=200, M=32)
    index.add_items(items, np.arange(len(items)))
    index.save_index(str(path))


def _write_faiss(items: np.ndarray, path: Path) -> None:
    faiss = _package("faiss")
    index = faiss.IndexHNSWFlat(items.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
    index.add(items)
    faiss.write_index(index, str(path))


_WRITERS = {"usearch": _write_usearch, "hnswlib": _write_hnswlib, "faiss": _write_faiss}
assert set(_WRITERS) == set(INDEX_FILES)


def _usearch() -> Any:
    return _package("usearch.index")


def _package(name: str) -> Any:
    return import_extra(name, "ann", f"an index of {name}", "--index")
