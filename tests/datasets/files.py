"""Small data sets in the MMRec format, written into a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

HEADER = "userID\titemID\tx_label"
ROWS = [
    (user, item, label)
    for user in range(3)
    for item, label in ((user, 0), (user + 1, 0), (user + 2, 1), (user + 3, 2))
]
"""3 users and 6 items; items 4 and 5 are never trained on."""
N_ITEMS = 6


def write_inter(
    path: Path, rows: Iterable[Iterable[object]] = ROWS, header: str = HEADER, end: str = "\n"
) -> Path:
    lines = [header, *("\t".join(map(str, row)) for row in rows)]
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


def random_features(n_items: int = N_ITEMS, dim: int = 4, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n_items, dim)).astype(dtype)


def write_dataset(folder: Path, name: str = "mini") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_inter(folder / f"{name}.inter")
    for modality in ("image", "text"):
        np.save(folder / f"{modality}_feat.npy", random_features())
    return folder
