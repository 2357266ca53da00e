import torch

from ccd.negatives.srns import SRNSSampler
from tests.negatives.worlds import N_USERS, batch, context, sampler_world


def observed(built, seeds):
    snapshots = [context(0, seed).current for seed in seeds]
    for snapshot in snapshots:
        built.observe(snapshot)
    return snapshots


def test_takes_the_best_of_the_memory_by_score_and_spread():
    for weight in (3.0, -1.0):
        world, now = sampler_world(), context(2)
        users, positives, negatives = batch(world)
        built = SRNSSampler(world, memory_size=6, variance_weight=weight, warmup=4)
        memory = built._memory.clone()
        snapshots = observed(built, range(10, 17))[-5:]
        chosen = built.sample(users, positives, negatives, now).ids

        def q(at, u, p, k):
            return torch.sigmoid(at.users[u] @ (at.items[k] - at.items[p])).item()

        for u, p, found in zip(users.tolist(), positives.tolist(), chosen.tolist(), strict=True):
            best = {}
            for k in memory[u].tolist():
                past = torch.tensor([q(s, u, p, k) for s in snapshots])
                spread = past.std(correction=0).item()
                # Epoch 2 of a warm-up of 4: half the weight.
                best[k] = spread if weight < 0 else q(now.current, u, p, k) + 1.5 * spread
            assert best[found] > max(best.values()) - 1e-5


def test_memory_of_the_batch_is_renewed_with_unseen_items():
    world, now = sampler_world(), context(2)
    users, positives, negatives = (ids[:10] for ids in batch(world))
    built = SRNSSampler(world)
    before = built._memory.clone()
    built.sample(users, positives, negatives, now)
    changed = (built._memory != before).any(dim=1)
    assert set(changed.nonzero()[:, 0].tolist()) == set(users.tolist())
    everyone = torch.arange(N_USERS).repeat_interleave(built.memory_size)
    assert not world.seen.contains(everyone, built._memory.reshape(-1)).any()


def test_low_temperature_keeps_the_highest_scores():
    world, now = sampler_world(), context(2)
    users, positives, negatives = batch(world)
    high, low = (SRNSSampler(sampler_world(), temperature=t) for t in (1e-3, 1e3))
    means = []
    for built in (high, low):
        for _ in range(5):
            built.sample(users, positives, negatives, now)
        scores = now.current.users @ now.current.items.T
        means.append(scores.gather(1, built._memory).mean())
    assert means[0] > means[1] + 1


def test_keeping_follows_the_softmax():
    built = SRNSSampler(sampler_world(), memory_size=1, temperature=2.0)
    scores = torch.tensor([0.0, 1.0, 3.0]).expand(30_000, -1)
    found = torch.bincount(built._kept(scores)[:, 0], minlength=3) / 30_000
    torch.testing.assert_close(found, torch.softmax(scores[0] / 2, 0), atol=0.015, rtol=0)


def test_one_snapshot_has_no_spread_and_old_ones_are_forgotten():
    users, positives, negatives = batch(sampler_world())
    now = context(30)
    chosen = []
    for weight in (0.0, 9.0):
        built = SRNSSampler(sampler_world(), variance_weight=weight, snapshots=1)
        observed(built, [1, 2])
        chosen.append(built.sample(users, positives, negatives, now).ids)
    assert torch.equal(*chosen)
    built = SRNSSampler(sampler_world(), variance_weight=9.0, snapshots=2)
    observed(built, [1, 2])
    assert not torch.equal(chosen[0], built.sample(users, positives, negatives, now).ids)


def test_settles_when_the_weight_has_grown():
    world = sampler_world()
    assert SRNSSampler(world, warmup=7).settled_epoch(100) == 7
    for constant in (-1.0, 0.0):
        assert SRNSSampler(world, variance_weight=constant).settled_epoch(100) == 0
