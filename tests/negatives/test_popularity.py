import pytest
import torch

from ccd.negatives.popularity import PopularitySampler
from tests.negatives.worlds import context, sampler_world


@pytest.mark.parametrize("exponent", [0.0, 0.75, 2.0])
def test_draws_follow_the_power_of_popularity(exponent):
    world = sampler_world()
    users = torch.zeros(60_000, dtype=torch.long)
    built = PopularitySampler(world, exponent=exponent)
    found = torch.bincount(built.sample(users, users, users, context(0)).ids, minlength=40)
    weights = world.counts.double() ** exponent
    weights[world.counts == 0] = 0
    weights[world.seen.of(users[:1])[1]] = 0
    expected = 60_000 * weights / weights.sum()
    assert ((found - expected).abs() <= 6 * expected.sqrt()).all()
