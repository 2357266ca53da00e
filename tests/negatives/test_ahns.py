import pytest
import torch

from ccd.negatives.ahns import AHNSSampler
from tests.negatives.worlds import batch, context, sampler_world


@pytest.mark.parametrize(
    ("alpha", "beta", "power"), [(1.0, 0.1, 1.0), (20.0, 8.0, 1.0), (9.0, 30.0, 2.0)]
)
def test_takes_the_candidate_nearest_to_the_target(alpha, beta, power):
    world, now = sampler_world(), context(3)
    users, positives, negatives = batch(world)
    built = AHNSSampler(world, n_candidates=6, alpha=alpha, beta=beta, power=power)
    chosen = built.sample(users, positives, negatives, now).ids
    twin = sampler_world()
    candidates = twin.random.candidates(users, 6, twin.rng)
    scores = now.current.users @ now.current.items.T
    expected, kinds = [], set()
    for u, p, row in zip(users.tolist(), positives.tolist(), candidates.tolist(), strict=True):
        base = scores[u, p].item() + alpha
        hardest = max(row, key=lambda i: scores[u, i].item())
        if base <= 0:
            expected.append(hardest)
            continue
        target = beta / base**power
        expected.append(min(row, key=lambda i: abs(scores[u, i].item() - target)))
        kinds.add(expected[-1] == hardest)
    assert chosen.tolist() == expected
    assert kinds == {True, False}  # it is neither DNS nor its opposite


def test_a_weaker_positive_has_a_harder_negative():
    """Two users who are alike, one of whom likes his positive less."""
    world, now = sampler_world(), context(3)
    users, positives, negatives = batch(world)
    built = AHNSSampler(world, n_candidates=30, alpha=0.0, beta=1.0)
    scores = now.current.users @ now.current.items.T
    chosen = built.sample(users, positives, negatives, now).ids
    strength, hardness = scores[users, positives], scores[users, chosen]
    weak = (strength > 0) & (strength < 0.7)
    strong = strength > 2.5
    assert weak.any()
    assert strong.any()
    assert hardness[weak].mean() > 1.2 > 0.6 > hardness[strong].mean()


def test_a_positive_below_the_shift_has_the_hardest():
    world, now = sampler_world(), context(3)
    users, positives, negatives = batch(world)
    chosen = AHNSSampler(world, n_candidates=6, alpha=-1e3).sample(users, positives, negatives, now)
    twin = sampler_world()
    candidates = twin.random.candidates(users, 6, twin.rng)
    scores = (now.current.users @ now.current.items.T)[users].gather(1, candidates)
    hardest = candidates.gather(1, scores.argmax(dim=1, keepdim=True))[:, 0]
    assert torch.equal(chosen.ids, hardest)
