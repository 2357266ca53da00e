"""Speed and memory on Amazon Baby and on a large generated catalogue.

    python tools/bench.py [CASE ...] [--epochs N] [--threads N] [--data-dir DIR]

Each case runs in a process of its own, so that its peak memory is its own. Seconds are medians over
epochs; one unit is one product of scipy's CSR of Baby's symmetric train adjacency (26,495 nodes)
with a 26,495 x 64 float32 matrix, timed in the same process before and after the epochs.

The case 'backbones' trains every system of recipes/backbones.gin at batch 2048 and sets its seconds
of training beside FREEDOM's.

The case 'samplers' prints a table of its own: what each negative sampler costs on FREEDOM at batch
2048, as medians over the steps of two epochs; NDI and CNS with DMA, whose pools they read.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
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
    # One epoch takes long: let the first one use the pools already.
    "CurricularSampler.first_epoch = 'pool'",
]
CASES: dict[str, dict[str, Any]] = {
    "freedom": {"variant": "FREEDOM", "bindings": ["Trainer.batch_size = 2048"]},
    "ccdrec": {"variant": FULL, "bindings": PLAIN_CCDREC},
    "ccdrec-4096": {"variant": FULL, "bindings": PLAIN_CCDREC, "image_dim": 4096},
    "growth": {"variant": FULL, "bindings": GROWTH, "dataset": "planted", "epochs": 1},
}
BACKBONES = (
    "FREEDOM", "BPR-MF", "LightGCN", "VBPR", "LATTICE", "BM3", "MG", "MGCN", "SLMRec", "DualGNN",
    "DRAGON", "MMGCN", "MCDRec", "MCDRec-BM3", "PGL", "GUME", "SOIL",
    "LGMRec", "SMORE", "REARM",
)  # fmt: skip
SAMPLER_EPOCHS, MEASURED_EPOCHS = 7, 2  # SRNS is at full cost once it has seen five epochs
REALHNS = [
    "Experiment.sampler = @RealHNSSingleDomainSampler",
    # Every negative is hard from epoch 1 on.
    "RealHNSSingleDomainSampler.start_epoch = 0",
    "RealHNSSingleDomainSampler.count_max = 1",
]
SAMPLERS: dict[str, tuple[str, list[str]]] = {
    "uniform": ("FREEDOM", ["Experiment.sampler = @UniformSampler"]),
    "popularity": ("FREEDOM", ["Experiment.sampler = @PopularitySampler"]),
    "dns": ("FREEDOM", ["Experiment.sampler = @DNSSampler"]),
    "ahns": ("FREEDOM", ["Experiment.sampler = @AHNSSampler"]),
    "dmns": ("FREEDOM", ["Experiment.sampler = @DMNSSampler"]),
    "fmcns": ("FREEDOM", ["Experiment.sampler = @FMCNSSampler"]),
    "mixgcf": ("FREEDOM", ["Experiment.sampler = @MixGCFSampler"]),
    "srns": ("FREEDOM", ["Experiment.sampler = @SRNSSampler"]),
    "realhns_sd": ("FREEDOM", REALHNS),
    "realhns_all": ("FREEDOM", [*REALHNS, "RealHNSSingleDomainSampler.candidate_fraction = 1.0"]),
    "ndi": ("FREEDOM+DMA+NDI", []),
    "cns": (FULL, []),
}


def main() -> None:
    groups = {"backbones": BACKBONES, "samplers": SAMPLERS}
    names = [*CASES, *groups]
    children = [*CASES, *(f"{group}/{name}" for group, of_it in groups.items() for name in of_it)]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(names)}")
    parser.add_argument("--epochs", type=int, default=5, help="measured, after one to warm up")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data-dir", type=Path, default=None)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(measure(arguments.cases[0], arguments)))
        return
    unknown = set(arguments.cases) - set(names)
    if unknown:
        parser.error(f"no case {', '.join(sorted(unknown))}; choose of {', '.join(names)}")
    headed = ""
    for case in children:
        kind = case.partition("/")[0]
        if kind not in (arguments.cases or names):
            continue
        table = SAMPLER_HEADER if kind == "samplers" else HEADER
        if table != headed:
            print(table)
            headed = table
        options = ["--epochs", str(arguments.epochs), "--threads", str(arguments.threads)]
        if arguments.data_dir:
            options += ["--data-dir", str(arguments.data_dir)]
        environment = {**os.environ, "OMP_NUM_THREADS": str(arguments.threads)}
        command = [sys.executable, __file__, case, "--child", *options]
        child = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
        row = json.loads(child.stdout.splitlines()[-1])
        if kind == "samplers":
            print_sampler(case, row)
        else:
            print_row(case, row)
            if case == "backbones/FREEDOM":
                freedom = row["train"]
            if kind == "backbones":
                print(
                    f"{'':12} {row['train'] / freedom:15.1f} times FREEDOM's training", flush=True
                )


def measure(case: str, arguments: argparse.Namespace) -> dict[str, float]:
    """What one child measures."""
    kind, _, name = case.partition("/")
    if kind == "samplers":
        return measure_sampler(name, arguments)
    if kind == "backbones":
        bindings = ["Trainer.batch_size = 2048"]
        plan = {"recipe": "recipes/backbones.gin", "variant": name, "bindings": bindings}
        return measure_plan(plan, arguments)
    return measure_plan(CASES[kind], arguments)


def measure_plan(plan: dict[str, Any], arguments: argparse.Namespace) -> dict[str, float]:
    """Median seconds by part, the unit, and the peak memory of this process."""
    from ccd.config.recipe import load_recipe
    from ccd.datasets import data_folders
    from ccd.runs.machine import peak_rss_mb

    epochs = plan.get("epochs", arguments.epochs + 1)
    # The first epochs draw random negatives; measured are epochs that use the sampler.
    bindings = [*plan["bindings"], f"Trainer.epochs = {epochs}"]
    bindings += [f"Experiment.threads = {arguments.threads}"]
    variant, data = plan["variant"], plan.get("dataset", "baby")
    recipe = load_recipe(
        plan.get("recipe", RECIPE), dataset=data, bindings=bindings, only=[variant]
    )
    graph = recipe.graphs[variant]
    folders = data_folders(arguments.data_dir or _shared_data())
    dataset = graph.root["dataset"].value.factory()(folders)
    with tempfile.TemporaryDirectory() as scratch:
        if "image_dim" in plan:
            dataset = with_wide_images(dataset, plan["image_dim"], Path(scratch))
        experiment = graph.factory()()
        before = unit_seconds(folders)
        with experiment.start(dataset, 999) as training:
            seen = list(training)
        unit = median([before, unit_seconds(folders)])
    steady = seen[1:] or seen
    parts = {
        part: median(epoch.seconds.get(part, 0.0) for epoch in steady)
        for part in ("train", "sample", "evaluate")
    }
    return {**parts, "unit": unit, "peak_mb": peak_rss_mb()}


def measure_sampler(name: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Median seconds of sampling and of the whole step, and what it does once per epoch."""
    from ccd.config.recipe import load_recipe
    from ccd.datasets import data_folders

    variant, bindings = SAMPLERS[name]
    bindings = [
        *bindings,
        f"Trainer.epochs = {SAMPLER_EPOCHS}",
        f"Trainer.evaluate_every = {SAMPLER_EPOCHS}",
        "Trainer.batch_size = 2048",
        f"Experiment.threads = {arguments.threads}",
    ]
    graph = load_recipe(RECIPE, dataset="baby", bindings=bindings, only=[variant]).graphs[variant]
    folders = data_folders(arguments.data_dir or _shared_data())
    experiment = graph.factory()()
    sampling: list[float] = []
    observing: list[float] = []
    steps: list[float] = []
    make = experiment.sampler

    def make_timed(world: Any) -> Any:
        sampler = make(world)
        sampler.sample = timed(sampler.sample, sampling)
        sampler.observe = timed(sampler.observe, observing)
        return sampler

    experiment.sampler = make_timed
    update = experiment.trainer.update
    experiment.trainer.update = lambda: timed(update(), steps)
    with experiment.start(graph.root["dataset"].value.factory()(folders), 999) as training:
        for _ in training:
            pass
    per_epoch = len(steps) // SAMPLER_EPOCHS
    measured = slice(-MEASURED_EPOCHS * per_epoch, None)
    usual = median(sampling[measured])
    # An epoch's first call may do the epoch's work, which a median over steps would hide.
    firsts = sampling[measured][::per_epoch]
    once = max(0.0, median(firsts) - usual) + median(observing[-MEASURED_EPOCHS:])
    return {
        "sampling": usual,
        "once": once,
        "step": median(steps[measured]),
        "steps": per_epoch,
    }


def timed(function: Callable[..., Any], laps: list[float]) -> Callable[..., Any]:
    """``function``, which also notes the wall seconds of each call in ``laps``."""

    def call(*args: Any, **keywords: Any) -> Any:
        began = time.perf_counter()
        result = function(*args, **keywords)
        laps.append(time.perf_counter() - began)
        return result

    return call


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


HEADER = f"{'case':12} {'train':>16} {'sample':>14} {'evaluate':>15} {'epoch':>16} {'peak MB':>8}"
SAMPLER_HEADER = f"{'sampler':12} {'sampling':>10} {'per epoch':>10} {'step':>10} {'share':>7}"


def print_sampler(case: str, row: dict[str, float]) -> None:
    """One sampler; the share counts the epoch's work as spread over its steps.

    A sampler that looks at representations also makes the step compute all of them, which is no
    sampling: set its step beside uniform's, the first row.
    """
    spread = row["once"] / row["steps"]
    share = (row["sampling"] + spread) / (row["step"] + spread)
    cells = (f"{row[part] * 1e3:7.1f} ms" for part in ("sampling", "once", "step"))
    print(f"{case.rpartition('/')[2]:12} {' '.join(cells)} {share:7.0%}", flush=True)


def print_row(case: str, row: dict[str, float]) -> None:
    def cell(seconds: float, width: int) -> str:
        return f"{seconds:.2f}s {seconds / row['unit']:5.0f}u".rjust(width)

    epoch = row["train"] + row["sample"] + row["evaluate"]
    print(
        f"{case.rpartition('/')[2]:12} {cell(row['train'], 16)} {cell(row['sample'], 14)} "
        f"{cell(row['evaluate'], 15)} "
        f"{cell(epoch, 16)} {row['peak_mb']:8.0f}   (1 unit = {row['unit'] * 1e3:.1f} ms)",
        flush=True,
    )


def _shared_data() -> Path | None:
    """Where the data lie beside a checkout; None leaves it to ``$CCD_DATA`` and ``./data``."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return beside if beside.is_dir() and "CCD_DATA" not in os.environ else None


if __name__ == "__main__":
    main()
