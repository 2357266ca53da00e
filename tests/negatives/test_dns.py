import torch

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
