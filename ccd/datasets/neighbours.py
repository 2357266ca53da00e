"""Precomputed nearest items of a modality: ``.npz`` with ``indices`` and ``cosine``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ccd.datasets.dataset import Neighbours
from ccd.errors import CcdError, DamagedFileError, DataError, reading, reason


def read_neighbours(path: Path, modality: str, n_items: int) -> Neighbours:
    """Read the lists of one modality.

    Raises:
        DataError: The file cannot be read, an array is missing, or its shape, type or values do
            not fit ``n_items``.
        DamagedFileError: The file is truncated, holds pickled objects or is no ``.npz`` file.
    """
    indices, cosine = _read_arrays(path)
    fits = indices.shape == cosine.shape and indices.ndim == 2 and len(indices) == n_items
    if not fits or not indices.size:
        raise DataError(
            f"{modality} neighbours must be two arrays 'indices' and 'cosine' of [{n_items}, k]",
            where=path,
            found=f"{list(indices.shape)} and {list(cosine.shape)}",
        )
    if indices.dtype.kind not in "iu" or cosine.dtype.kind != "f":
        raise DataError(
            "'indices' must be integers and 'cosine' floats",
            where=path,
            found=f"{indices.dtype.name} and {cosine.dtype.name}",
        )
    wrong = (indices < 0) | (indices >= n_items) | ~(np.abs(cosine) < 1.001)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise DataError(
            f"item ids must be in 0..{n_items - 1} and cosines in -1..1",
            where=path,
            found=f"item {indices[row, column]} with cosine {cosine[row, column]} as neighbour "
            f"{column} of item {row}",
        )
    return Neighbours(
        np.ascontiguousarray(indices, dtype=np.int32), np.ascontiguousarray(cosine, np.float32)
    )


def _read_arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with reading(path, DataError), np.load(path, allow_pickle=False) as archive:
            return archive["indices"], archive["cosine"]
    except KeyError as error:
        raise DataError(f"this file lacks an array: {error.args[0]}", where=path) from error
    except CcdError:
        raise
    except Exception as error:  # of a dozen kinds: zipfile's, zlib's, numpy's, of each header field
        raise DamagedFileError(
            f"this file is not a complete .npz file of numbers: {reason(error)}",
            where=path,
            found=f"{path.stat().st_size:,} bytes",
        ) from error
