import torch

from ccd.negatives.mixgcf import MixGCFSampler
from tests.negatives.worlds import N_USERS, batch, context, sampler_world, with_layers


def restated(world, users, positives, layers, n_candidates):
    """Spec 4.4 row by row, mixing before choosing as it is written there."""
    candidates = world.random.candidates(users, n_candidates, world.rng)
    share = torch.rand(len(layers), len(users), 1, generator=world.rng)
    rows = []
    for b, u in enumerate(users.tolist()):
        user = layers[:, u].mean(0).detach()
        parts = []
        for layer, a in zip(layers, share[:, b], strict=True):
            mixes = [
                a * layer[N_USERS + positives[b]] + (1 - a) * layer[N_USERS + j]
                for j in candidates[b]
            ]
            parts.append(max(mixes, key=lambda n: (user @ n).item()))
        rows.append(torch.stack(parts).mean(0))
    return torch.stack(rows)


def test_values_and_gradients():
    world, now = sampler_world(), context(0)
    users, positives, negatives = batch(world)
    gradients, found = [], []
    for case in ("ours", "restated"):
        layers = now.layers.clone().requires_grad_()
        if case == "ours":
            built = MixGCFSampler(sampler_world(), n_candidates=5)
            made = built.sample(users, positives, negatives, with_layers(now, layers)).rows
        else:
            made = restated(sampler_world(), users, positives, layers, 5)
        made.square().sum().backward()
        gradients.append(layers.grad)
        found.append(made.detach())
    torch.testing.assert_close(*found, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(*gradients, atol=1e-5, rtol=1e-5)


def test_one_candidate_without_the_positive_is_a_random_negative():
    world, now = sampler_world(), context(0)
    users, positives, negatives = batch(world)
    built = MixGCFSampler(world, n_candidates=1, positive_share=0.0)
    made = built.sample(users, positives, negatives, now).rows
    twin = sampler_world()
    expected = now.current.items[twin.random.draw(users, twin.rng)]
    torch.testing.assert_close(made, expected)


def test_equal_layers_choose_one_candidate():
    world, now = sampler_world(), context(0)
    users, positives, negatives = batch(world)
    same = with_layers(now, now.layers[:1].expand(3, -1, -1).contiguous())
    made = MixGCFSampler(world, positive_share=0.0).sample(users, positives, negatives, same).rows
    distance = torch.cdist(made, same.current.items)
    assert (distance.min(dim=1).values < 0.02).all()
