"""Every registered negative sampler, without an edit here."""

import inspect
from functools import partial

import pytest
import torch

from ccd import catalogue
from ccd.negatives.curricula import step_curriculum
from ccd.registry import components
from tests.negatives.worlds import GREEDY, batch, context, sampler_world

catalogue.load()


def build(component, seed=0):
    slots = {"curriculum": partial(step_curriculum, interval=1, end_epoch=6)}
    wanted = inspect.signature(component.target).parameters
    settings = {name: value for name, value in slots.items() if name in wanted}
    # The world has 39 candidate items: the default shares would leave less than one.
    for share in ("candidate_fraction", "top_fraction"):
        if share in wanted:
            settings[share] = 0.5
    world = sampler_world(seed)
    return component.target(world, **settings), world


@pytest.mark.parametrize("sampler", components("sampler"), ids=lambda c: c.name)
@pytest.mark.parametrize("epoch", [0, 1, 3, 9])
class TestSamplers:
    def test_never_a_seen_item(self, sampler, epoch):
        built, world = build(sampler)
        users, positives, negatives = batch(world)
        for _ in range(5):
            chosen = built.sample(users, positives, negatives, context(epoch))
            assert chosen.shape == users.shape
            assert not world.seen.contains(users, chosen).any()

    def test_works_with_one_item_left(self, sampler, epoch):
        built, world = build(sampler)
        users, positives, negatives = batch(world)
        chosen = built.sample(users, positives, negatives, context(epoch))
        assert set(chosen[users == GREEDY].tolist()) == {13}

    def test_the_stream_decides(self, sampler, epoch):
        draws = []
        for seed in (0, 0, 1):
            built, world = build(sampler, seed)
            draws.append(built.sample(*batch(world), context(epoch)))
        assert torch.equal(draws[0], draws[1])
        assert built.pool_name(epoch) == "random" or not torch.equal(draws[0], draws[2])

    def test_settles(self, sampler, epoch):
        built, _ = build(sampler)
        settled = built.settled_epoch(100)
        names = {built.pool_name(e) for e in range(settled, 100)}
        assert len(names) == 1
        assert settled == 0 or built.pool_name(settled - 1) not in names
