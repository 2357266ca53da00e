"""The planted world of yesterday and of today: two data sets, the second with one more day.

    python tools/two_days.py --out data/days
    ccd run recipes/ablation_freedom.gin --dataset data/days/yesterday --out runs/yesterday
    ccd run recipes/ablation_freedom.gin --dataset data/days/today --out runs/today \
        --from runs/yesterday --match-ids

The day brings a share of all events, users who are new with all of theirs, and items that are new.
What is held out today is the same with and without a warm start; yesterday lacks that of new ones.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import ccd
from ccd.datasets import data_folders
from ccd.datasets.dataset import Dataset
from ccd.datasets.planted import planted_world

NEW_USERS = NEW_ITEMS = 0.02
"""Shares of users and items whom the day brings."""


def write_days(out: Path, share: float = 0.03, seed: int = 7, **world: Any) -> None:
    """Write ``out/yesterday`` and ``out/today``.

    Args:
        out: A folder.
        share: Of the other events, those of the day.
        seed: Of what is drawn.
        world: Settings of the planted world.
    """
    dataset = planted_world(data_folders(None), **world)
    rng = np.random.default_rng(seed)
    today = {
        "user": _some(rng, dataset.n_users, NEW_USERS),
        "item": _some(rng, dataset.n_items, NEW_ITEMS),
    }
    pairs = dataset.every
    new = today["user"][pairs.users] | today["item"][pairs.items]
    new |= (np.arange(len(pairs)) < len(dataset.train)) & (rng.random(len(pairs)) < share)
    _write(out / "yesterday", dataset, ~new)
    _write(out / "today", dataset, np.ones(len(pairs), dtype=bool))


def _some(rng: np.random.Generator, n: int, share: float) -> np.ndarray:
    chosen = np.zeros(n, dtype=bool)
    chosen[rng.permutation(n)[: round(share * n)]] = True
    return chosen


def _write(out: Path, dataset: Dataset, kept: np.ndarray) -> None:
    pairs, splits = dataset.every, (dataset.train, dataset.valid, dataset.test)
    labels = np.repeat(["train", "valid", "test"], [len(split) for split in splits])
    events = {
        "user": [f"u{user}" for user in pairs.users[kept]],
        "item": [f"i{item}" for item in pairs.items[kept]],
        "label": labels[kept].tolist(),
    }
    with TemporaryDirectory() as place:
        features = []
        for name, vectors in dataset.features.items():
            path = Path(place) / f"{name}.npz"
            ids = np.array([f"i{item}" for item in range(dataset.n_items)])
            np.savez(path, ids=ids, vectors=vectors)
            features.append(f"{name}={path}")
        ccd.data.import_(events, out, name="planted", label="label", features=features)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--users", type=int, default=4000, help="of the world; few are noisy")
    parser.add_argument("--share", type=float, default=0.03, help="of the events, for the day")
    asked = parser.parse_args()
    write_days(asked.out, asked.share, n_users=asked.users)
