"""Precomputed nearest items of a modality: ``.npz`` with ``indices`` and ``cosine``."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from ccd.datasets.dataset import Neighbours
from ccd.errors import DamagedFileError, DataError, reading


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
            f"{path}: {modality} neighbours need 'indices' and 'cosine' [{n_items}, k], found "
            f"{list(indices.shape)} and {list(cosine.shape)}"
        )
    if indices.dtype.kind not in "iu" or cosine.dtype.kind != "f":
        raise DataError(
            f"{path}: 'indices' must be integers and 'cosine' floats, found {indices.dtype.name} "
            f"and {cosine.dtype.name}"
        )
    wrong = (indices < 0) | (indices >= n_items) | ~(np.abs(cosine) < 1.001)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise DataError(
            f"{path}: neighbour {column} of item {row} is item {indices[row, column]} with cosine "
            f"{cosine[row, column]}; ids must be in 0..{n_items - 1}, cosines in -1..1"
        )
    return Neighbours(
        np.ascontiguousarray(indices, dtype=np.int32), np.ascontiguousarray(cosine, np.float32)
    )


def _read_arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with reading(path, DataError), np.load(path, allow_pickle=False) as archive:
            return archive["indices"], archive["cosine"]
    except KeyError as error:
        raise DataError(f"{path}: lacks an array: {error.args[0]}") from error
    except (ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise DamagedFileError(
            f"{path}: is not a whole .npz file of numbers ({path.stat().st_size:,} bytes found): "
            f"{error}"
        ) from error
