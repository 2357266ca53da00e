"""How time and memory grow: with interactions, items, dimensions and steps T.

    python tools/growth.py [--threads N] [--rounds N] [--out STEM]

Each point is a ``ccd plan`` of CCDRec on a generated world, in a process of its own. It prints a
line for each, and draws ``STEM.png`` and ``STEM.svg``. Other programs only make a part slower, so
each part counts as fast as it was in the best of all rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VARIANT = "FREEDOM+DMA+NDI+CNS"
USERS = 20_000
START = {"interactions": 200_000, "items": 10_000, "dimensions": 64, "steps T": 20}
GROWTH = {
    "interactions": (100_000, 200_000, 400_000),
    "items": (5_000, 10_000, 20_000),
    "dimensions": (32, 64, 128),
    "steps T": (10, 20, 40),
}
Size = tuple[tuple[str, int], ...]
PARTS = {"train": "training", "sample": "reverse process", "evaluate": "validation"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("growth"))
    arguments = parser.parse_args()
    sizes = [sized(axis, size) for axis, grown in GROWTH.items() for size in grown]
    best: dict[Size, dict[str, Any]] = {}
    for _ in range(arguments.rounds):
        for size in dict.fromkeys(sizes):
            plan = planned(dict(size), arguments.threads)
            best[size] = faster(best.get(size, plan), plan)
    points: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for axis, grown in GROWTH.items():
        for n in grown:
            plan = best[sized(axis, n)]
            points.setdefault(axis, []).append((n, plan))
            seconds = " ".join(f"{plan['epoch'][part]:8.2f} s {part}" for part in PARTS)
            print(f"{n:9,} {axis:13} {seconds} {plan['peak_mb']:7,.0f} MB", flush=True)
    from ccd.figures.style import save

    for path in save(draw(points), arguments.out):
        print(path)


def sized(axis: str, size: int) -> Size:
    """The start, of which one thing has grown."""
    return tuple({**START, axis: size}.items())


def planned(size: dict[str, int], threads: int) -> dict[str, Any]:
    """What ``ccd plan`` says of CCDRec on a world of one size."""
    bindings = [
        f"planted_world.n_users = {USERS}",
        f"planted_world.mean_interactions = {size['interactions'] / USERS}",
        f"planted_world.n_items = {size['items']}",
        f"planted_world.n_clusters = {size['items'] // 50}",
        f"Experiment.dim = {size['dimensions']}",
        f"GaussianDiffusion.steps = {size['steps T']}",
        f"Experiment.threads = {threads}",
    ]
    command = [sys.executable, "-m", "ccd", "plan", "recipes/ablation_freedom.gin", "--json"]
    command += ["--dataset", "planted", "--only", VARIANT]
    for binding in bindings:
        command += ["--set", binding]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    child = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(child.stdout)
    return found


def faster(plan: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """A plan with the lesser seconds of each part."""
    return {
        **plan,
        "epoch": {part: min(plan["epoch"][part], other["epoch"][part]) for part in PARTS},
    }


def draw(points: Mapping[str, Sequence[tuple[int, dict[str, Any]]]]) -> Figure:
    """Seconds of an epoch by part above, memory below; a column for each thing that grows."""
    from ccd.figures.style import COLOURS, DASHES, new_figure, tidy

    figure = new_figure(11, 5)
    grid = figure.subplots(2, len(points), sharey="row", sharex="col")
    for place, (axis, measured) in enumerate(points.items()):
        sizes = [size for size, _ in measured]
        seconds, memory = grid[0, place], grid[1, place]
        for number, (part, name) in enumerate(PARTS.items()):
            values = [plan["epoch"][part] for _, plan in measured]
            seconds.plot(
                sizes, values, marker="o", ms=3, label=name,
                color=COLOURS[number], linestyle=DASHES[number],
            )  # fmt: skip
        memory.plot(
            sizes, [plan["peak_mb"] for _, plan in measured], marker="o", ms=3, color=COLOURS[3]
        )
        tidy(seconds, y="seconds per epoch" if not place else "")
        tidy(memory, x=axis, y="largest memory, MB" if not place else "")
        memory.set_xlim(left=0)
        memory.set_xticks(sizes, [f"{size:,}" for size in sizes])
    for first in grid[:, 0]:  # at the end: a limit that is set leaves out what is drawn later
        first.set_ylim(bottom=0)
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(),
        loc="outside lower center", fontsize=8, frameon=False, ncols=3,
    )  # fmt: skip
    start = ", ".join(f"{size:,} {axis}" for axis, size in START.items())
    figure.suptitle(f"CCDRec: {USERS:,} users, {start}, one of which grows", fontsize=10, x=0.01,
                    ha="left")  # fmt: skip
    return figure


if __name__ == "__main__":
    main()
