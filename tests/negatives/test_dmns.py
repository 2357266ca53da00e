"""DMNS: its diffusion learns what a user likes, and its steps have their weights."""

from functools import partial

import pytest
import torch

from ccd.backbones.base import Representations
from ccd.diffusion.estimators import MLPEstimator
from ccd.diffusion.noise_schedules import cosine_betas
from ccd.diffusion.process import GaussianDiffusion
from ccd.errors import ConfigError
from ccd.negatives.base import SamplingContext
from ccd.negatives.dmns import DMNSSampler
from tests.negatives.worlds import N_ITEMS, N_USERS, batch, sampler_world

DIFFUSION = partial(GaussianDiffusion, betas=cosine_betas, steps=20)


def build(seed=0, **settings):
    world = sampler_world(seed)
    return DMNSSampler(world, diffusion=DIFFUSION, estimator=MLPEstimator, **settings), world


def two_tastes(world):
    """Users of two kinds and the items that they like, on opposite sides."""
    users = batch(world)[0]
    kind = users % 2
    side = 1.0 - 2.0 * kind[:, None]
    direction = torch.randn(8, generator=torch.Generator().manual_seed(3))
    rng = torch.Generator().manual_seed(4)
    tables = Representations(
        (1.0 - 2.0 * (torch.arange(N_USERS) % 2)[:, None]) * torch.ones(N_USERS, 8),
        torch.zeros(N_ITEMS, 8),
    )
    items = 3.0 * side * direction + 0.1 * torch.randn(len(users), 8, generator=rng)
    return users, kind, tables, items, direction


def test_what_it_generates_is_what_the_user_likes():
    """At the clean end; farther from it where the process stops earlier."""
    built, world = build()
    users, kind, tables, items, direction = two_tastes(world)
    rows = tables.users[users]
    generator = built._new(8, world.rng)
    for _ in range(500):
        generator.learn(rows, items, world.rng)
    kept = generator.generate(rows, items.flip(0), [10, 18], world.rng)
    wanted = 3.0 * (1.0 - 2.0 * kind[:, None]) * direction
    far, near = ((kept[done] - wanted).square().mean().item() for done in (10, 18))
    assert near < 0.15 * wanted.square().mean()
    assert far > 2 * near


def test_steps_are_drawn_as_often_as_they_weigh():
    built, world = build(fractions=(0.0, 0.5), weights=(3.0, 1.0))
    users, _, tables, _, _ = two_tastes(world)
    generator = built._new(8, world.rng)
    marks = {20: torch.zeros(len(users), 8), 10: torch.ones(len(users), 8)}
    generator.learn = lambda *_: None
    generator.generate = lambda _users, _items, keep, _rng: {done: marks[done] for done in keep}
    built._generator = generator
    context = SamplingContext(3, tables, tables, None)
    shares = [built.sample(users, users, users, context).rows.mean().item() for _ in range(40)]
    assert sum(shares) / len(shares) == pytest.approx(0.25, abs=0.02)


def test_a_weight_is_wanted_for_each_fraction():
    with pytest.raises(ConfigError, match="a weight for each fraction, and has 1 for 2"):
        build(fractions=(0.1, 0.5), weights=(1.0,))
