"""Every registered negative sampler, without an edit here."""

import inspect
from functools import partial

import pytest
import torch

from ccd import catalogue
from ccd.diffusion.estimators import MLPEstimator
from ccd.diffusion.noise_schedules import cosine_betas
from ccd.diffusion.process import GaussianDiffusion
from ccd.negatives.base import ItemNegatives, MadeUpNegatives, SharedNegatives
from ccd.negatives.curricula import step_curriculum
from ccd.negatives.dmns import DMNSSampler
from ccd.negatives.shared import SharedCurricularSampler, SharedSampler
from ccd.registry import components
from tests.negatives.worlds import (
    GREEDY,
    N_LAYERS,
    N_USERS,
    batch,
    context,
    one_hot_layers,
    sampler_world,
    with_layers,
)

catalogue.load()


def build(component, seed=0):
    slots = {
        "curriculum": partial(step_curriculum, interval=1, end_epoch=6),
        "diffusion": partial(GaussianDiffusion, betas=cosine_betas),
        "estimator": MLPEstimator,
    }
    wanted = inspect.signature(component.target).parameters
    settings = {name: value for name, value in slots.items() if name in wanted}
    # The world has 39 candidate items: the default shares would leave less than one.
    for share in ("candidate_fraction", "top_fraction"):
        if share in wanted:
            settings[share] = 0.5
    if "n_shared" in wanted:
        settings["n_shared"] = 20  # some of them, so that the stream decides which
    world = sampler_world(seed)
    return component.target(world, **settings), world


def drawn(built, world, epoch):
    """What each row's negatives are, or are made of beside its positive: (rows, items), pairs."""
    users, positives, negatives = batch(world)
    now = context(epoch)
    if built.needs(epoch) == "layers":
        now = with_layers(now, one_hot_layers())
    chosen = built.sample(users, positives, negatives, now)
    if isinstance(chosen, ItemNegatives):
        assert chosen.ids.shape == users.shape
        assert chosen.ids.dtype == torch.int64
        return torch.arange(len(users)), chosen.ids
    if isinstance(chosen, SharedNegatives):
        assert len(torch.unique(chosen.ids)) == len(chosen.ids)
        assert chosen.log_weights.shape == (len(users), len(chosen.ids))
        assert (chosen.log_weights[chosen.log_weights > -torch.inf] >= 0).all()
        rows, columns = (chosen.log_weights > -torch.inf).nonzero().T
        return rows, chosen.ids[columns]
    made = chosen.rows
    assert made.shape == (len(users), one_hot_layers().shape[-1])
    assert (made[:, :N_USERS] == 0).all()
    rows, items = made[:, N_USERS:].nonzero().T
    others = items != positives[rows]
    return rows[others], items[others]


@pytest.mark.parametrize("sampler", components("sampler"), ids=lambda c: c.name)
@pytest.mark.parametrize("epoch", [0, 1, 3, 9, 60])
class TestSamplers:
    def test_never_a_seen_item(self, sampler, epoch):
        built, world = build(sampler)
        if isinstance(built, DMNSSampler):
            pytest.skip("its negatives are made of no items")
        users, _, _ = batch(world)
        for _ in range(5):
            rows, items = drawn(built, world, epoch)
            if not isinstance(built, (SharedSampler, SharedCurricularSampler)):
                assert set(rows.tolist()) == set(range(len(users)))
            assert not world.seen.contains(users[rows], items).any()

    def test_works_with_one_item_left(self, sampler, epoch):
        built, world = build(sampler)
        if isinstance(built, DMNSSampler):
            pytest.skip("its negatives are made of no items")
        users, _, _ = batch(world)
        rows, items = drawn(built, world, epoch)
        left = set(items[users[rows] == GREEDY].tolist())
        shared = isinstance(built, (SharedSampler, SharedCurricularSampler))
        assert left <= {13} if shared else left == {13}  # what a batch shares may lack it

    def test_the_stream_decides(self, sampler, epoch):
        draws = []
        for seed in (0, 0, 1):
            built, world = build(sampler, seed)
            draws.append(built.sample(*batch(world), context(epoch))[0])
        assert torch.equal(draws[0], draws[1])
        given = torch.equal(draws[0], batch(world)[2])  # the random negatives, drawn elsewhere
        assert given or not torch.equal(draws[0], draws[2])

    def test_only_made_up_negatives_carry_gradients(self, sampler, epoch):
        built, world = build(sampler)
        now = context(epoch)
        layers = now.layers.requires_grad_()
        chosen = built.sample(*batch(world), now)
        mixed = isinstance(chosen, MadeUpNegatives) and not isinstance(built, DMNSSampler)
        assert chosen[0].requires_grad == mixed == (built.needs(epoch) == "layers")
        if mixed:
            chosen.rows.sum().backward()
            assert (layers.grad[:, :N_USERS] == 0).all()
            assert all(layers.grad[n, N_USERS:].any() for n in range(N_LAYERS))

    def test_what_it_observes_changes_nothing_of_what_it_saw(self, sampler, epoch):
        built, world = build(sampler)
        seen = context(epoch).current
        copies = [table.clone() for table in seen[:2]]
        for _ in range(7):
            built.observe(seen)
            built.sample(*batch(world), context(epoch))
        assert all(torch.equal(a, b) for a, b in zip(seen[:2], copies, strict=True))

    def test_settles(self, sampler, epoch):
        built, _ = build(sampler)
        settled = built.settled_epoch(100)
        sources = {built.source(e) for e in range(settled, 100)}
        assert len(sources) == 1
        assert settled == 0 or built.source(settled - 1) not in sources
        assert built.source(epoch).label
