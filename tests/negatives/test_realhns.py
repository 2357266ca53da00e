import math

import pytest
import torch
from torch.nn import functional as F

from ccd.errors import ConfigError
from ccd.negative_source import NegativeSource
from ccd.negatives.realhns import RealHNSSingleDomainSampler
from tests.negatives.worlds import N_USERS, batch, context, sampler_world

ALL = {"candidate_fraction": 1.0, "start_epoch": 0, "count_max": 1}


def cosines(now):
    users, items = F.normalize(now.current.users), F.normalize(now.current.items)
    return users @ items.T, items @ items.T


def test_coarse_pool_is_the_window_of_unseen_ranks():
    world, now = sampler_world(), context(3)
    built = RealHNSSingleDomainSampler(world, rank_low=0.1, rank_high=0.3, **ALL)
    built._refresh(now.epoch_end)
    n = len(world.catalogue)
    low, high = int(0.1 * n), int(0.3 * n)
    scores, _ = cosines(now)
    for user in range(N_USERS):
        seen = set(world.seen.of(torch.tensor([user]))[1].tolist())
        unseen = [i for i in world.catalogue.tolist() if i not in seen]
        ranked = sorted(unseen, key=lambda i: -scores[user, i].item())
        found = [i for i in built._pool[user].tolist() if i >= 0]
        assert set(found) == set(ranked[low:high])
    assert built._pool.dtype == torch.int32


def test_pool_and_top_shrink_with_the_share_that_is_ranked():
    world = sampler_world()
    settings = {"rank_high": 1.0, "pool_size": 20, "n_top": 10}
    whole = RealHNSSingleDomainSampler(world, candidate_fraction=1.0, **settings)
    half = RealHNSSingleDomainSampler(world, candidate_fraction=0.5, **settings)
    assert (whole.n_ranked, whole.pool_size, whole.n_top) == (len(world.catalogue), 20, 10)
    assert (half.n_ranked, half.pool_size, half.n_top) == (len(world.catalogue) // 2, 10, 5)
    half._refresh(context(3).epoch_end)
    assert half._pool.shape == (N_USERS, 10)
    # All users see the same half of the catalogue.
    assert len(half._pool[half._pool >= 0].unique()) <= half.n_ranked


def test_fine_draws_are_among_the_top_survivors_of_the_filter():
    world, now = sampler_world(), context(3)
    users, positives, negatives = batch(world)
    built = RealHNSSingleDomainSampler(world, rank_high=0.5, n_top=4, n_clusters=5, **ALL)
    hits = 0
    for _ in range(5):
        chosen = built.sample(users, positives, negatives, now).ids
        scores, similar = cosines(now)
        limit = built._cohesion * built._relaxation(built._step(now.epoch))
        rows = zip(
            users.tolist(), positives.tolist(), negatives.tolist(), chosen.tolist(), strict=True
        )
        for u, p, r, c in rows:
            pool = [i for i in built._pool[u].tolist() if i >= 0]
            left = sorted((i for i in pool if similar[i, p] <= limit), key=lambda i: -scores[u, i])
            assert c in left[:4] or (not left and c == r)
            hits += bool(left)
    assert hits > 0


def test_the_whole_top_is_drawn():
    world, now = sampler_world(), context(60)
    users, positives, negatives = (ids[:1].expand(500) for ids in batch(world))
    built = RealHNSSingleDomainSampler(world, rank_high=0.5, n_top=4, n_clusters=1000, **ALL)
    chosen = built.sample(users, positives, negatives, now).ids
    assert len(chosen.unique()) == 4


def test_curriculum_of_counts_and_limit():
    built = RealHNSSingleDomainSampler(sampler_world(), candidate_fraction=1.0)
    assert [built._step(e) for e in (0, 5, 6, 7, 8, 9, 10)] == [0, 0, 1, 1, 2, 2, 3]
    for epoch in (6, 9, 25, 40):
        step = math.ceil((epoch - 5) / 2)
        assert built._relaxation(step) == pytest.approx(min(1.15**step / 5, 1.0))
    assert built.source(5) == NegativeSource.random()
    assert built.source(6).label == "12% hard, limit 23%"
    # 1.15^12 > 5: the twelfth step starts at epoch 28.
    assert built.settled_epoch(100) == 28
    world = sampler_world()
    for settings, settled in (
        ({"count_max": 20}, 44), ({"growth": 1.0}, 20), ({"start_divisor": 1.0}, 20),
        ({"start_divisor": 0.5}, 20), ({"start_epoch": 0, "step_epochs": 1}, 12),
    ):  # fmt: skip
        short = RealHNSSingleDomainSampler(world, candidate_fraction=1.0, **settings)
        assert short.settled_epoch(100) == settled
    assert not built.needs_epoch_end(5)
    assert (built.needs(5), built.needs(6)) == ("nothing", "current")


def test_the_share_of_hard_negatives_grows():
    world = sampler_world()
    users, positives, negatives = (ids.repeat(20) for ids in batch(world))
    built = RealHNSSingleDomainSampler(
        world, candidate_fraction=1.0, rank_low=0.5, rank_high=1.0, n_clusters=1000
    )
    shares = []
    for epoch in (5, 7, 13, 60):
        chosen = built.sample(users, positives, negatives, context(epoch)).ids
        shares.append((chosen != negatives).float().mean().item())
    assert shares[0] == 0
    assert shares == sorted(shares)
    # In epoch 13 half of the negatives are hard, in epoch 60 all.
    assert shares[2] == pytest.approx(shares[3] / 2, abs=0.05)


def test_pools_are_made_once_per_epoch():
    world, now = sampler_world(), context(3)
    built = RealHNSSingleDomainSampler(world, **ALL)
    built.sample(*batch(world), now)
    pool = built._pool
    built.sample(*batch(world), now)
    assert built._pool is pool
    built.sample(*batch(world), now._replace(epoch=4))
    assert built._pool is not pool


def test_an_empty_window_is_refused():
    with pytest.raises(ConfigError, match="are the ranks 0 to 0, an empty window; widen it"):
        RealHNSSingleDomainSampler(sampler_world(), rank_high=0.01)
