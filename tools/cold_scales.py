"""How long cold vectors should be: every rule on the held-out pairs of runs that scale none.

    ccd run recipes/cold_items.gin --set "ColdItems.scale = @unscaled" --out runs/unscaled
    python tools/cold_scales.py runs/unscaled

A rule changes final vectors only, so one training serves all of them. Test pairs stay closed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch

from ccd.cold_items.placing import ColdItems
from ccd.cold_items.scales import (
    Scale,
    mean_norm,
    neighbour_norm,
    score_quantile,
    unscaled,
)
from ccd.datasets.dataset import Dataset, Interactions
from ccd.evaluation.held_out import HeldOut
from ccd.finished.runs import FinishedRun, open_runs
from ccd.graphs.items_by_user import ItemsByUser

RULES: dict[str, Scale] = {
    "unscaled": unscaled,
    "mean_norm": mean_norm,
    "neighbour_norm": neighbour_norm,
    "score_quantile, top 0.1": partial(score_quantile, top=0.1),
    "score_quantile, top 0.01": partial(score_quantile, top=0.01),
    "score_quantile, top 0.003": partial(score_quantile, top=0.003),
}
CPU = torch.device("cpu")


def held_out(dataset: Dataset) -> Iterator[tuple[str, HeldOut]]:
    """The validation pairs of cold items, of warm ones, and all."""
    valid = dataset.valid
    cold = (dataset.train_per_item == 0)[valid.items]
    for name, kept in (("cold", cold), ("warm", ~cold), ("both", np.ones_like(cold))):
        pairs = Interactions(valid.users[kept], valid.items[kept])
        yield name, HeldOut(pairs, dataset.n_users, dataset.n_items, CPU)


def measure(run: FinishedRun, dataset: Dataset) -> Iterator[tuple[str, dict[str, float]]]:
    """Each rule with its validation metric, by kind of item."""
    cold = torch.from_numpy(np.flatnonzero(dataset.train_per_item == 0))
    train = torch.from_numpy(dataset.train.users), torch.from_numpy(dataset.train.items)
    seen = ItemsByUser(*train, dataset.n_users, dataset.n_items)
    backbone, found = run.rebuild(dataset).backbone.eval(), run.representations
    for name, scale in RULES.items():
        placed = ColdItems(backbone, dataset, run.experiment.engine, cold, scale=scale)
        scaled = found._replace(items=placed.scaled(found.items, placed.factors(found)))
        yield (
            name,
            {
                part: run.evaluator.evaluate(scaled, pairs, seen).means[run.evaluator.select]
                for part, pairs in held_out(dataset)
            },
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a run folder")
    parser.add_argument("--data-dir", type=Path)
    asked = parser.parse_args()
    print("| run | rule | cold | warm | both |\n| --- | --- | ---: | ---: | ---: |")
    for run in open_runs(asked.folder):
        if run.settings.get("ColdItems.scale") != "@unscaled":
            continue
        for rule, values in measure(run, run.dataset(asked.data_dir)):
            numbers = " | ".join(f"{value:.4f}" for value in values.values())
            print(f"| {run.result.variant}, seed {run.result.seed} | {rule} | {numbers} |")
