"""A small world for samplers: 20 users x 40 items, one user who has seen all but one item."""

import torch

from ccd.backbones.base import Representations
from ccd.graphs.items_by_user import ItemsByUser
from ccd.negatives.base import RandomNegatives, SamplerWorld, SamplingContext

N_USERS, N_ITEMS, DIM, N_POOLS, N_LAYERS = 20, 40, 8, 4, 3
GREEDY = 7  # has seen everything but item 13


def pairs():
    rng = torch.Generator().manual_seed(0)
    keys = set(torch.randint(N_USERS * N_ITEMS, (200,), generator=rng).tolist())
    keys = {k for k in keys if k // N_ITEMS != GREEDY}
    keys |= {GREEDY * N_ITEMS + i for i in range(N_ITEMS) if i != 13}
    ordered = torch.tensor(sorted(keys))
    return ordered // N_ITEMS, ordered % N_ITEMS


def sampler_world(seed=0, n_pools=N_POOLS):
    users, items = pairs()
    seen = ItemsByUser(users, items, N_USERS, N_ITEMS)
    catalogue = torch.unique(items)
    random = RandomNegatives(seen, catalogue)
    rng = torch.Generator().manual_seed(seed)
    counts = torch.bincount(items, minlength=N_ITEMS)
    return SamplerWorld(seen, catalogue, counts, n_pools, random, rng)


def context(epoch, seed=1):
    rng = torch.Generator().manual_seed(seed)
    layers = torch.randn(N_LAYERS, N_USERS + N_ITEMS, DIM, generator=rng)
    pools = torch.randn(N_POOLS, N_ITEMS, DIM, generator=rng)
    return with_layers(SamplingContext(epoch, None, None, pools), layers)


def with_layers(now, layers):
    """The same context with other layers, and the representations that are their mean."""
    reprs = Representations(*layers.detach().mean(0).split([N_USERS, N_ITEMS]))
    return now._replace(current=reprs, epoch_end=reprs, layers=layers)


def one_hot_layers():
    """Layers in which each node is its own dimension: a mix of rows shows what it is made of."""
    return torch.eye(N_USERS + N_ITEMS).expand(N_LAYERS, -1, -1).clone()


def batch(world, seed=2):
    users, positives = pairs()
    negatives = world.random.draw(users, torch.Generator().manual_seed(seed))
    return users, positives, negatives
