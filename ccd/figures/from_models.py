"""Figures of representations: a finished run's model is rebuilt for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ccd.errors import ConfigError
from ccd.figures.negatives import Scene, draw_negatives
from ccd.figures.tsne import State, draw_tsne

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ccd.datasets.dataset import Dataset
    from ccd.figures.plots import Request
    from ccd.training.recommender import Recommender


def tsne(request: Request) -> Figure:
    """Users and their items in each space, before training and at the best epoch."""
    from ccd.finished.inspection import name_of

    run = request.run
    dataset = run.dataset(request.data_dir)
    rng = np.random.default_rng(run.result.seed)
    # Users with a handful of items: one with a hundred would fill the plane.
    degrees = dataset.train_per_user
    eligible = np.flatnonzero((degrees >= 4) & (degrees <= 20))
    eligible = eligible if len(eligible) else np.flatnonzero(degrees)
    users = np.sort(rng.choice(eligible, min(request.users or 5, len(eligible)), replace=False))
    pairs = np.isin(dataset.train.users, users)
    owners = np.searchsorted(users, dataset.train.users[pairs])
    items = dataset.train.items[pairs]
    others = np.setdiff1d(np.arange(dataset.n_items), items)
    background = rng.choice(others, min(800, len(others)), replace=False)
    start, end = run.untrained(dataset), run.rebuild(dataset)
    if not any(True for _ in end.parameters()):
        raise ConfigError(
            f"{run.folder.name} learned nothing, so it has no spaces to show",
            keys=("--variant",),
            hint="choose another --variant",
        )
    start.reverse(0)
    shown = {"before training": start, f"best epoch ({run.result.best_epoch})": end}
    states = {
        title: _state(model, dataset, users, items, background) for title, model in shown.items()
    }
    names = [name_of(int(user), dataset.user_ids) for user in users]
    title = f"{request.title}: users and the items they interacted with; grey: other items, fused"
    return draw_tsne(states, owners, names, title)


def _state(
    model: Recommender,
    dataset: Dataset,
    users: np.ndarray,
    items: np.ndarray,
    background: np.ndarray,
) -> State:
    import torch

    final, rows = model.infer(), torch.from_numpy(items)
    with torch.no_grad():
        kinds = {
            name: model.backbone.projector.project(name, rows).numpy() for name in dataset.features
        }
    if model.backbone.has_item_embeddings:
        kinds["ID"] = model.backbone.item_embeddings.detach()[rows].numpy()
    if model.sample is not None:
        kinds["aligned"] = model.sample[rows].numpy()
    kinds["fused"] = final.items[rows].numpy()
    # A backbone that joins spaces end to end has wider users; only what is as wide can be shown.
    kinds = {name: x for name, x in kinds.items() if x.shape[1] == final.users.shape[1]}
    return State(final.users.numpy()[users], kinds, final.items.numpy()[background])


def negatives(request: Request) -> Figure:
    """Negatives of each pool around a user and a positive item."""
    import torch

    from ccd.finished.inspection import Inspection, name_of

    run = request.run
    dataset = run.dataset(request.data_dir)
    model = Inspection(run, dataset)
    if model.model.sampler is None:
        model.measure(0)  # refuses, and says why
    every = model.sources()
    sources = {source: epoch for source, epoch in every.items() if source.kind != "random"} or every
    rng = np.random.default_rng(run.result.seed)
    final = model.final.items.numpy()
    n_pairs = model.pairs.shape[1]
    rows = rng.choice(n_pairs, min(request.users or 2, n_pairs), replace=False)
    background = rng.choice(dataset.n_items, min(400, dataset.n_items), replace=False)
    scenes = []
    for row in rows:
        user, item = model.pairs[:, row].tolist()
        pairs = torch.full((24,), user), torch.full((24,), item)
        drawn = {source: model.draw(*pairs, epoch) for source, epoch in sources.items()}
        if any(triplets is None for triplets in drawn.values()):
            model.measure(0)  # refuses, and says why
        shown = {k: final[np.unique(t.hards.numpy())] for k, t in drawn.items() if t is not None}
        names = name_of(user, dataset.user_ids), name_of(item, dataset.item_ids)
        users = model.final.users.numpy()
        scenes.append(Scene(users[user], final[item], shown, final[background], names))
    title = (
        f"{request.title}: negatives of each pool, drawn from the model of epoch "
        f"{run.result.best_epoch}, final representations"
    )
    return draw_negatives(scenes, title)
