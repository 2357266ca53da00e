"""Speed and memory on Amazon Baby and on a large generated catalogue.

    python tools/bench.py [CASE ...] [--epochs N] [--threads N] [--data-dir DIR]

Each case runs in a process of its own, so that its peak memory is its own. Seconds are medians over
epochs; one unit is one product of scipy's CSR of Baby's symmetric train adjacency (26,495 nodes)
with a 26,495 x 64 float32 matrix, timed in the same process before and after the epochs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

RECIPE = "recipes/ablation_freedom.gin"
FULL = "FREEDOM+DMA+NDI+CNS"
PLAIN_CCDREC = ["Trainer.batch_size = 512", "GaussianDiffusion.steps = 20"]
GROWTH = [
    "planted_world.n_users = 200_000",
    "planted_world.n_items = 200_000",
    "planted_world.mean_interactions = 13.0",
    "planted_world.n_clusters = 2000",
]
CASES: dict[str, dict[str, Any]] = {
    "freedom": {"variant": "FREEDOM", "bindings": ["Trainer.batch_size = 2048"]},
    "ccdrec": {"variant": FULL, "bindings": PLAIN_CCDREC},
    "ccdrec-4096": {"variant": FULL, "bindings": PLAIN_CCDREC, "image_dim": 4096},
    "growth": {"variant": FULL, "bindings": GROWTH, "dataset": "planted", "epochs": 2},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}")
    parser.add_argument("--epochs", type=int, default=5, help="measured, after one to warm up")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data-dir", type=Path, default=None)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    unknown = set(arguments.cases) - set(CASES)
    if unknown:
        parser.error(f"no case {', '.join(sorted(unknown))}; choose of {', '.join(CASES)}")
    if arguments.child:
        print(json.dumps(measure(arguments.cases[0], arguments)))
        return
    print(f"{'case':12} {'train':>16} {'sample':>14} {'evaluate':>15} {'epoch':>16} {'peak MB':>8}")
    for case in arguments.cases or CASES:
        options = ["--epochs", str(arguments.epochs), "--threads", str(arguments.threads)]
        if arguments.data_dir:
            options += ["--data-dir", str(arguments.data_dir)]
        environment = {**os.environ, "OMP_NUM_THREADS": str(arguments.threads)}
        command = [sys.executable, __file__, case, "--child", *options]
        child = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
        print_row(case, json.loads(child.stdout.splitlines()[-1]))


def measure(case: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Median seconds by part, the unit, and the peak memory of this process."""
    from ccd.config.recipe import load_recipe
    from ccd.datasets import data_folders
    from ccd.runs.machine import peak_rss_mb

    plan = CASES[case]
    epochs = plan.get("epochs", arguments.epochs + 1)
    # The first epochs draw random negatives; measured are epochs that use the sampler.
    bindings = [*plan["bindings"], f"Trainer.epochs = {epochs}"]
    bindings += [f"Experiment.threads = {arguments.threads}"]
    recipe = load_recipe(
        RECIPE, dataset=plan.get("dataset", "baby"), bindings=bindings, only=[plan["variant"]]
    )
    graph = recipe.graphs[plan["variant"]]
    folders = data_folders(arguments.data_dir or _shared_data())
    dataset = graph.root["dataset"].value.factory()(folders)
    with tempfile.TemporaryDirectory() as scratch:
        if "image_dim" in plan:
            dataset = with_wide_images(dataset, plan["image_dim"], Path(scratch))
        experiment = graph.factory()()
        seen: list[Any] = []
        before = unit_seconds(folders)
        experiment.run(dataset, 999, seen.append)
        unit = median([before, unit_seconds(folders)])
    steady = seen[1:] or seen
    parts = {
        part: median(epoch.seconds.get(part, 0.0) for epoch in steady)
        for part in ("train", "sample", "evaluate")
    }
    return {**parts, "unit": unit, "peak_mb": peak_rss_mb()}


def with_wide_images(dataset: Any, dim: int, folder: Path) -> Any:
    """The data set with memory-mapped random float32 images of width ``dim``."""
    import numpy as np

    path = folder / "image.npy"
    rng = np.random.default_rng(0)
    np.save(path, rng.normal(size=(dataset.n_items, dim)).astype(np.float32))
    wide = np.load(path, mmap_mode="r", allow_pickle=False)
    return replace(dataset, features={**dataset.features, "image": wide})


def unit_seconds(folders: list[Path], repeats: int = 30) -> float:
    """Median seconds of one product of Baby's symmetric train adjacency with a 64-d table."""
    import numpy as np
    from scipy import sparse

    from ccd.config.recipe import load_recipe

    graph = load_recipe(RECIPE, dataset="baby").graphs["FREEDOM"]
    train = graph.root["dataset"].value.factory()(folders).train_matrix
    adjacency = sparse.block_array([[None, train], [train.T, None]], format="csr")
    table = np.random.default_rng(0).normal(size=(adjacency.shape[0], 64)).astype(np.float32)
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        adjacency @ table
        times.append(time.perf_counter() - began)
    return median(times)


def print_row(case: str, row: dict[str, float]) -> None:
    def cell(seconds: float, width: int) -> str:
        return f"{seconds:.2f}s {seconds / row['unit']:5.0f}u".rjust(width)

    epoch = row["train"] + row["sample"] + row["evaluate"]
    print(
        f"{case:12} {cell(row['train'], 16)} {cell(row['sample'], 14)} {cell(row['evaluate'], 15)} "
        f"{cell(epoch, 16)} {row['peak_mb']:8.0f}   (1 unit = {row['unit'] * 1e3:.1f} ms)",
        flush=True,
    )


def _shared_data() -> Path | None:
    """Where the data lie beside a checkout; None leaves it to ``$CCD_DATA`` and ``./data``."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return beside if beside.is_dir() and "CCD_DATA" not in os.environ else None


if __name__ == "__main__":
    main()
