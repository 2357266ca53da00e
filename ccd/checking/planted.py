"""The generated data set on which parts are checked, and what parts are built on there."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from ccd.backbones.world import World
from ccd.datasets.dataset import Dataset
from ccd.experiment import Experiment
from ccd.graphs.items_by_user import ItemsByUser
from ccd.negatives.base import RandomNegatives, SamplerWorld
from ccd.training.random import Streams

SIZES = (
    "planted_world.n_users = 160",
    "planted_world.n_items = 240",
    "planted_world.n_clusters = 8",
)
"""Bindings that make the data set small."""
N_POOLS = 4
CPU = torch.device("cpu")


@contextmanager
def global_seed(seed: int) -> Iterator[None]:
    """Seed every global generator for the block; what parts must not draw from differs then."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


def backbone_world(experiment: Experiment, dataset: Dataset, seed: int) -> World:
    """What a backbone is built on."""
    streams = Streams(seed, CPU)
    projector = experiment.projector(
        dataset.features, experiment.dim, streams.generator("projector"), CPU
    )
    pairs = torch.from_numpy(dataset.train.users), torch.from_numpy(dataset.train.items)
    return World(
        dataset, *pairs, experiment.dim, projector, experiment.engine,
        streams.generator("backbone"), CPU,
    )  # fmt: skip


def sampler_world(dataset: Dataset, seed: int) -> SamplerWorld:
    """What a sampler is built on, with one more user, who has seen all items but one."""
    items = torch.from_numpy(dataset.train.items)
    catalogue = torch.unique(items)
    users = torch.from_numpy(dataset.train.users)
    users = torch.cat([users, torch.full((len(catalogue) - 1,), dataset.n_users)])
    items = torch.cat([items, catalogue[1:]])
    seen = ItemsByUser(users, items, dataset.n_users + 1, dataset.n_items)
    counts = torch.bincount(items, minlength=dataset.n_items)
    random_negatives = RandomNegatives(seen, catalogue)
    rng = Streams(seed, CPU).generator("sampler")
    return SamplerWorld(seen, catalogue, counts, N_POOLS, random_negatives, rng)
