"""How well runs on the planted world rank its cold items: rank correlation with the planted taste.

    ccd run recipes/cold_items.gin --out runs/cold
    python tools/cold_truth.py runs/cold

For each user, Spearman's correlation over the cold items of a model's scores with the cosine of
the user's and the item's latent vectors, which the world's choices were made by; then the mean.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from ccd.datasets.dataset import Dataset
from ccd.finished.runs import FinishedRun, open_runs


def correlation(run: FinishedRun, dataset: Dataset) -> float:
    """The mean over users; NaN where there are no vectors, or all cold items are alike."""
    if run.representations.items.is_sparse:
        return float("nan")
    cold = np.flatnonzero(dataset.train_per_item == 0)
    users, items = (table.numpy() for table in run.representations[:2])
    truth = dataset.truth["user_latent"] @ dataset.truth["item_latent"][cold].T
    ranks = [rankdata(scores, axis=1) for scores in (users @ items[cold].T, truth)]
    ours, planted = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    size = np.linalg.norm(ours, axis=1) * np.linalg.norm(planted, axis=1)
    known = size > 0
    if not known.any():  # all cold items have one score
        return float("nan")
    return float(((ours * planted).sum(axis=1)[known] / size[known]).mean())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a run folder")
    for run in open_runs(parser.parse_args().folder):
        found = correlation(run, run.dataset())
        print(f"{run.result.variant:<20} seed {run.result.seed}  {found:.3f}")
