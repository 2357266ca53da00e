"""A 30-user world for backbones."""

from functools import partial

import numpy as np
import torch

from ccd.backbones.base import Step
from ccd.backbones.projector import LinearProjector
from ccd.backbones.world import World
from ccd.datasets.dataset import Dataset, Interactions
from ccd.graphs.engines import DglEngine
from ccd.graphs.item_knn import knn_graph

CPU = torch.device("cpu")
N_USERS, N_ITEMS, DIM = 30, 25, 8


def dataset(seed=0):
    rng = np.random.default_rng(seed)
    keys = rng.choice(N_USERS * N_ITEMS, 220, replace=False)
    train, valid, test = np.sort(keys[:160]), np.sort(keys[160:190]), np.sort(keys[190:])

    def pairs(k):
        k = k[np.isin(k // N_ITEMS, train // N_ITEMS)]
        return Interactions(k // N_ITEMS, k % N_ITEMS)

    features = {
        "image": rng.normal(size=(N_ITEMS, 12)).astype(np.float32),
        "text": rng.normal(size=(N_ITEMS, 6)).astype(np.float32),
    }
    return Dataset(
        "tiny", N_USERS, N_ITEMS, pairs(train), pairs(valid), pairs(test), features,
        fingerprint=f"tiny-{seed}",
    )  # fmt: skip


def step(model, batch, output=None):
    """What the backbone's own loss sees of a forward pass over everything."""
    output = output or model()
    rows = (output.users[batch.users], *(output.items[ids] for ids in batch[1:]))
    return Step(batch, batch, *rows, output)


def world(data=None, seed=0, engine=None, **projector):
    data, engine = data or dataset(), engine or DglEngine()
    return World(
        data, torch.from_numpy(data.train.users), torch.from_numpy(data.train.items), DIM,
        LinearProjector(data.features, DIM, torch.Generator().manual_seed(1), CPU, **projector),
        engine, torch.Generator().manual_seed(seed), CPU,
    )  # fmt: skip


small_knn = partial(knn_graph, k=4, weights={"image": 0.1})
