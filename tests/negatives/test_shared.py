"""Negatives that a batch shares, and CNS's emphasis on the most similar ones."""

import math

import pytest
import torch

from ccd.errors import ConfigError
from ccd.negatives.curricula import last_pool
from ccd.negatives.shared import SharedCurricularSampler, SharedSampler
from tests.negatives.worlds import N_POOLS, batch, context, sampler_world


def curricular(world, **settings):
    shares = {"candidate_fraction": 0.6, "top_fraction": 0.25}
    return SharedCurricularSampler(world, curriculum=last_pool, **{**shares, **settings})


def test_every_draw_is_a_share_of_the_catalogue_without_repeats():
    world = sampler_world()
    built = SharedSampler(world, fraction=0.3)
    chosen = built.sample(*batch(world), context(3))
    assert len(chosen.ids) == int(0.3 * len(world.catalogue)) == len(chosen.ids.unique())
    assert torch.isin(chosen.ids, world.catalogue).all()


def test_what_a_user_has_seen_does_not_count_and_all_else_does():
    world = sampler_world()
    users, positives, negatives = batch(world)
    chosen = SharedSampler(world, fraction=1.0).sample(users, positives, negatives, context(3))
    pairs = users.repeat_interleave(len(chosen.ids)), chosen.ids.repeat(len(users))
    seen = world.seen.contains(*pairs).view(len(users), -1)
    assert torch.equal(chosen.log_weights == -torch.inf, seen)
    assert (chosen.log_weights[~seen] == 0).all()


def test_the_most_similar_of_the_pool_count_more():
    world, now = sampler_world(), context(3)
    users, positives, negatives = batch(world)
    built = curricular(world, emphasis=4.0)
    chosen = built.sample(users, positives, negatives, now)
    table = now.pools[N_POOLS - 1]
    for row, (user, positive) in enumerate(zip(users, positives, strict=True)):
        unseen = ~world.seen.contains(user.expand(len(chosen.ids)), chosen.ids)
        scores = (table[chosen.ids] @ table[positive]).masked_fill(~unseen, -torch.inf)
        best = scores.argsort(descending=True)[: built.n_top]
        emphasised = (chosen.log_weights[row] > 0).nonzero()[:, 0]
        assert set(emphasised.tolist()) == set(best[unseen[best]].tolist())
        torch.testing.assert_close(
            chosen.log_weights[row, emphasised].double(),
            torch.full((len(emphasised),), math.log(5.0), dtype=torch.float64),
        )


def test_without_emphasis_and_in_epoch_zero_all_count_alike():
    world = sampler_world()
    for built, epoch in ((curricular(world, emphasis=0.0), 3), (curricular(world), 0)):
        weights = built.sample(*batch(world), context(epoch)).log_weights
        assert set(weights.unique().tolist()) == {-math.inf, 0.0}


def test_a_share_that_leaves_nothing_is_refused():
    with pytest.raises(ConfigError, match="leaves none"):
        SharedSampler(sampler_world(), fraction=0.01)
