"""FMCNS: its query is mixed by popularity, and the items nearest to it are drawn."""

from functools import partial

import torch

from ccd.backbones.base import Representations
from ccd.diffusion.estimators import MLPEstimator
from ccd.diffusion.noise_schedules import cosine_betas
from ccd.diffusion.process import GaussianDiffusion
from ccd.negatives.base import SamplingContext
from ccd.negatives.fmcns import FMCNSSampler
from tests.negatives.worlds import N_ITEMS, N_USERS, batch, sampler_world

DIFFUSION = partial(GaussianDiffusion, betas=cosine_betas, steps=20)


def build(counts=None, **settings):
    world = sampler_world()
    if counts is not None:
        world = world._replace(counts=counts)
    everything = {"candidate_fraction": 1.0}
    return FMCNSSampler(
        world, diffusion=DIFFUSION, estimator=MLPEstimator, **everything | settings
    ), world


def drawn(made, **settings):
    """Users, negatives and which items they may be, where the diffusion makes ``made [dim]``.

    Items are one-hot, and only the positive 0 counts.
    """
    counts = torch.zeros(N_ITEMS).long().index_fill(0, torch.tensor(0), 9)
    built, world = build(counts, **settings)
    users, positives, negatives = batch(world)
    tables = Representations(torch.zeros(N_USERS, N_ITEMS), torch.eye(N_ITEMS))
    generator = built._generator = built._new(N_ITEMS, world.rng)
    generator.learn = lambda *_: None
    generator.generate = lambda rows, _items, keep, _rng: {keep[0]: made.expand(len(rows), -1)}
    context = SamplingContext(3, tables, tables, None)
    ids = built.sample(users, positives, negatives, context).ids
    free = world.unseen(users, torch.arange(N_ITEMS)) == 0
    made_alone = positives != 0
    return ids[made_alone], free[made_alone]


def test_what_is_nearest_to_the_generated_is_drawn_unless_the_user_has_seen_it():
    made = torch.zeros(N_ITEMS).index_copy(0, torch.tensor([3, 5]), torch.tensor([50.0, 40.0]))
    ids, free = drawn(made, n_hardest=1)
    first, second = free[:, 3], ~free[:, 3] & free[:, 5]
    assert first.any()
    assert second.any()
    assert (ids[first] == 3).all()
    assert (ids[second] == 5).all()


def test_the_positive_counts_as_much_as_it_is_popular():
    """All of the query where it is the most popular, nothing where nobody has taken it."""
    counts = torch.zeros(N_ITEMS).long().index_copy(0, torch.tensor([1, 2]), torch.tensor([99, 9]))
    built, _ = build(counts)
    liked, made = torch.full((3, 4), 1.0), torch.full((3, 4), 3.0)
    queries = built._queries(torch.tensor([1, 2, 0]), liked, made)
    torch.testing.assert_close(queries[:, 0], torch.tensor([1.0, 2.0, 3.0]))


def test_one_of_the_nearest_is_drawn():
    best = torch.tensor([3, 5, 8])
    made = torch.zeros(N_ITEMS).index_copy(0, best, torch.tensor([50.0, 49.0, 48.0]))
    ids, free = drawn(made, n_hardest=3)
    assert set(ids[free[:, best].all(dim=1)].tolist()) == {3, 5, 8}


def test_there_are_no_more_candidates_than_allowed():
    assert build()[0].n_candidates == len(sampler_world().catalogue)
    assert build(max_candidates=7)[0].n_candidates == 7
    assert build(candidate_fraction=0.01)[0].n_candidates == 1
