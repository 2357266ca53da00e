"""Small catalogues, and an import of them with the options as words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ccd.config.dataset import load_dataset
from ccd.datasets.dataset import Dataset
from ccd.importing.importer import NO_FEATURES, Features, import_catalogue
from ccd.importing.options import ImportOptions, SplitOptions
from ccd.importing.sources import Reading, items_beside, open_sources

DRAWN = np.random.Generator(np.random.PCG64(7))


def rows(n_users: int = 12, n_items: int = 8, seed: int = 7) -> list[tuple[str, str, int, int]]:
    """User, item, seconds since 1970 and a rating; each user has at least 4 distinct items."""
    rng = np.random.Generator(np.random.PCG64(seed))
    made = []
    for user in range(n_users):
        for item in rng.choice(n_items, size=int(rng.integers(4, n_items + 1)), replace=False):
            time = 1_700_000_000 + int(rng.integers(0, 10**7))
            made.append((f"{user:04d}", f"i{item:03d}", time, int(rng.integers(1, 6))))
    return made


def import_paths(
    out: Path,
    *sources: Path,
    items: Sequence[Path] = (),
    how: Reading | None = None,
    split: SplitOptions | None = None,
    features: Features = NO_FEATURES,
    overwrite: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Import files into ``out``; returns the report."""
    how = how or Reading()
    return import_catalogue(
        open_sources(sources, how),
        open_sources(items or items_beside(sources), how),
        ImportOptions("shop", split=split or SplitOptions(), **options),
        out,
        features=features,
        overwrite=overwrite,
    )


def loaded(out: Path) -> Dataset:
    """The data set as a recipe gets it."""
    dataset: Dataset = load_dataset(str(out)).factory()([out])
    return dataset


def pairs(dataset: Dataset, *splits: str) -> set[tuple[str, str]]:
    """User and item ids of splits, all of them if none is named."""
    found = set()
    for split in splits or ("train", "valid", "test"):
        part = getattr(dataset, split)
        for user, item in zip(part.users, part.items, strict=True):
            found.add((dataset.user_ids[user], dataset.item_ids[item]))
    return found
