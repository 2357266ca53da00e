"""A catalogue as it was yesterday and as it is today, each split by time.

    python tools/two_days.py --out data/days
    ccd run recipes/ablation_freedom.gin --dataset data/days/yesterday --out runs/yesterday
    ccd run recipes/ablation_freedom.gin --dataset data/days/today --out runs/full
    ccd run recipes/ablation_freedom.gin --dataset data/days/today --out runs/warm \
        --from runs/yesterday --match-ids

Events get times at random, as neither the planted world nor Last.fm has any: a part of the users
and items arrive on a random day, and an event lies anywhere between its user's or item's arrival
and the end. On both days the last fifth of the time is held out, half of it for validation, so
today trains on a day that yesterday held out.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import ccd
from ccd.config.dataset import load_dataset
from ccd.datasets import data_folders
from ccd.datasets.dataset import Dataset
from ccd.datasets.planted import planted_world

ARRIVING = 0.3
"""Share of users and items who arrive while the events go on; the others are there at once."""
HELD_OUT = 0.1
"""Share of the time that is held out for validation, and then for the test."""
_BEGIN = np.datetime64("2026-01-01T00:00:00")


def write_days(out: Path, dataset: Dataset, share: float = 0.03, seed: int = 7) -> None:
    """Write ``out/yesterday`` and ``out/today``.

    Args:
        out: A folder.
        dataset: Whose events, of all splits, get times.
        share: How much of the time is a day.
        seed: Of what is drawn.
    """
    rng = np.random.default_rng(seed)
    pairs, n_days = dataset.every, round(1 / share)
    arrivals = [
        np.where(rng.random(n) < ARRIVING, rng.random(n), 0.0)
        for n in (dataset.n_users, dataset.n_items)
    ]
    began = np.maximum(arrivals[0][pairs.users], arrivals[1][pairs.items])
    times = (began + (1 - began) * rng.random(len(pairs))) * n_days
    _write(out / "yesterday", dataset, times, n_days - 1)
    _write(out / "today", dataset, times, n_days)


def _write(out: Path, dataset: Dataset, times: np.ndarray, until: int) -> None:
    """The events of the first ``until`` days; ``times`` are in days."""
    pairs, kept = dataset.every, times < until
    users, items = dataset.user_ids, dataset.item_ids
    events = {
        "user": [users[user] if users else f"u{user}" for user in pairs.users[kept]],
        "item": [items[item] if items else f"i{item}" for item in pairs.items[kept]],
        "time": _moments(times[kept]).astype(str).tolist(),
    }
    held_out = HELD_OUT * until
    first = _moments(np.array([until - 2 * held_out, until - held_out])).astype(str)
    ids = np.array([items[item] if items else f"i{item}" for item in range(dataset.n_items)])
    with TemporaryDirectory() as place:
        features = []
        for name, vectors in dataset.features.items():
            path = Path(place) / f"{name}.npz"
            np.savez(path, ids=ids, vectors=vectors)
            features.append(f"{name}={path}")
        ccd.data.import_(
            events, out, name=dataset.name, features=features, split="time-points",
            valid_from=str(first[0]), test_from=str(first[1]),
        )  # fmt: skip


def _moments(days: np.ndarray) -> np.ndarray:
    return _BEGIN + (days * 86_400).astype("timedelta64[s]")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dataset", default="planted", help="whose events get times")
    parser.add_argument("--data-dir", type=Path, help="where it is")
    parser.add_argument("--users", type=int, default=4000, help="of the planted world")
    parser.add_argument("--share", type=float, default=0.03, help="of the time, for a day")
    asked = parser.parse_args()
    folders = data_folders(asked.data_dir)
    world: dict[str, Any] = {"n_users": asked.users}
    if asked.dataset == "planted":
        dataset = planted_world(folders, **world)
    else:
        dataset = load_dataset(asked.dataset).factory()(folders)
    write_days(asked.out, dataset, asked.share)


if __name__ == "__main__":
    main()
