import pytest
import torch

from ccd.errors import ConfigError
from ccd.negatives.dns import DNSSampler
from tests.negatives.worlds import batch, context, sampler_world


def test_takes_the_hardest_of_its_candidates():
    world, now = sampler_world(), context(3)
    users, positives, negatives = batch(world)
    chosen = DNSSampler(world, n_candidates=6).sample(users, positives, negatives, now).ids
    twin = sampler_world()
    candidates = twin.random.candidates(users, 6, twin.rng)
    scores = now.current.users @ now.current.items.T
    expected = [
        max(row, key=lambda i: scores[u, i].item())
        for u, row in zip(users.tolist(), candidates.tolist(), strict=True)
    ]
    assert chosen.tolist() == expected


def test_one_candidate_is_a_random_negative():
    world, now = sampler_world(), context(3)
    users, positives, negatives = batch(world)
    built = DNSSampler(world, n_candidates=1)
    chosen = built.sample(users, positives, negatives, now).ids
    twin = sampler_world()
    assert torch.equal(chosen, twin.random.draw(users, twin.rng))
    assert built.needs(0) == "current"
    assert not built.needs_epoch_end(3)


def test_one_of_the_hardest_is_uniform_among_them():
    world, now = sampler_world(), context(3)
    users, positives, negatives = batch(world)
    built = DNSSampler(world, n_candidates=6, n_hardest=3)
    scores = now.current.users @ now.current.items.T
    ranks = torch.zeros(6)
    for seed in range(20):
        world.rng.manual_seed(seed)
        chosen = built.sample(users, positives, negatives, now).ids
        twin = sampler_world(seed)
        candidates = twin.random.candidates(users, 6, twin.rng)
        of_candidates = scores[users].gather(1, candidates)
        ordered = of_candidates.sort(dim=1, descending=True).values
        distinct = (ordered.diff(dim=1) != 0).all(dim=1)  # twice the same would be likelier
        harder = of_candidates > scores[users, chosen][:, None]
        ranks += torch.bincount(harder.sum(dim=1)[distinct], minlength=6)
        assert (candidates == chosen[:, None]).any(dim=1).all()
    assert (ranks[3:] == 0).all()
    assert (ranks[:3] / ranks.sum() - 1 / 3).abs().max() < 0.06
    assert built.source(0).label == "one of the 3 hardest of 6"


def test_more_of_the_hardest_than_candidates_are_refused():
    with pytest.raises(ConfigError, match=r"5 hardest .* there are 4.*n_hardest to at most 4"):
        DNSSampler(sampler_world(), n_candidates=4, n_hardest=5)
