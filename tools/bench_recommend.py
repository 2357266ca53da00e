"""Time and memory of 'ccd recommend' for all users of a large generated model.

    python tools/bench_recommend.py --users 1000000 --items 20000

BPR-MF is trained for one epoch on random interactions, ten of each user; what it learns does not
matter here. Each format is then written by a process of its own, whose peak memory is shown.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

GIN = """
Experiment.dataset = @imported_dataset
imported_dataset.name = 'many'
imported_dataset.features = {}
"""
RECIPE = """
include 'gin/base.gin'
include 'gin/backbones/bpr_mf.gin'
Trainer.epochs = 1
Trainer.batch_size = 262_144
Experiment.checkpoint = None
"""


def write_data(folder: Path, n_users: int, n_items: int) -> None:
    """Ten items of each user; the first thousand users have one of them in each held-out split."""
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(n_users), 10)
    # Steps of a tenth of the catalogue, so that no user has an item twice.
    items = (np.tile(np.arange(10), n_users) * (n_items // 10)) + rng.integers(
        n_items // 10, size=10 * n_users
    )
    labels = np.zeros(len(users), dtype=np.int64)
    labels[0:10_000:10], labels[1:10_000:10] = 1, 2
    columns = {"userID": users, "itemID": items, "x_label": labels}
    pq.write_table(pa.table(columns), folder / "interactions.parquet")
    for kind, n in (("user", n_users), ("item", n_items)):
        ids = pa.array([f"{kind}-{place:08d}" for place in range(n)])
        pq.write_table(pa.table({f"{kind}ID": ids}), folder / f"{kind}s.parquet")
    (folder / "many.gin").write_text(GIN)
    (folder / "recipe.gin").write_text(RECIPE)


def measured(*words: str) -> tuple[float, float]:
    """Seconds and peak MB of a ``ccd`` command in a process of its own."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "ccd", *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"failed: ccd {' '.join(words)}")
    return time.perf_counter() - began, usage.ru_maxrss / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=20_000)
    given = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder, given.users, given.items)
        run = str(folder / "run")
        data = str(folder / "many.gin"), "--data-dir", name
        seconds, peak = measured("run", f"{name}/recipe.gin", "--dataset", *data, "--out", run)
        print(f"trained in {seconds:.0f} s, at most {peak:,.0f} MB", flush=True)
        for ending, *options in (
            ("parquet",), ("csv",), ("jsonl",), ("parquet", "--diversity", "0.3"),
        ):  # fmt: skip
            out = folder / f"lists.{ending}"
            seconds, peak = measured("recommend", run, "--out", str(out), *options)
            print(
                f"{' '.join([ending, *options]):26} {seconds:6.0f} s, at most {peak:6,.0f} MB, "
                f"{out.stat().st_size / 1e6:,.0f} MB written",
                flush=True,
            )


if __name__ == "__main__":
    main()
