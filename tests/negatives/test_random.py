import torch

from ccd.graphs.items_by_user import ItemsByUser
from ccd.negatives.base import RandomNegatives
from tests.negatives.worlds import GREEDY, batch, sampler_world


def test_draws_are_uniform_over_the_unseen():
    world = sampler_world()
    users = torch.zeros(40_000, dtype=torch.long)
    drawn = world.random.draw(users, world.rng)
    unseen = set(world.catalogue.tolist()) - set(world.seen.of(users[:1])[1].tolist())
    counts = torch.bincount(drawn, minlength=40)
    assert set(counts.nonzero()[:, 0].tolist()) == unseen
    expected = 40_000 / len(unseen)
    assert (counts[counts > 0] - expected).abs().max() < 6 * expected**0.5


def test_items_without_training_interactions_are_never_drawn():
    users, items = torch.tensor([0, 0, 1]), torch.tensor([0, 1, 2])
    seen = ItemsByUser(users, items, 2, 10)
    drawn = RandomNegatives(seen, torch.unique(items)).draw(
        torch.zeros(100, dtype=torch.long), torch.Generator().manual_seed(0)
    )
    assert set(drawn.tolist()) == {2}


def test_a_user_who_has_seen_everything_neither_hangs_nor_breaks():
    users, items = torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1])
    negatives = RandomNegatives(ItemsByUser(users, items, 2, 2), torch.unique(items))
    assert negatives.exhausted(users).tolist() == [True, True, False]
    drawn = negatives.draw(users, torch.Generator().manual_seed(0))
    assert drawn[2] == 0


def test_few_attempts_fall_back_to_enumeration():
    world = sampler_world()
    hasty = RandomNegatives(world.seen, world.catalogue, max_attempts=0)
    users, _, _ = batch(world)
    drawn = hasty.draw(users, world.rng)
    assert not world.seen.contains(users, drawn).any()
    assert set(drawn[users == GREEDY].tolist()) == {13}


def test_candidates_are_unseen_and_of_their_row():
    world = sampler_world()
    users, _, _ = batch(world)
    drawn = world.random.candidates(users, 7, world.rng)
    assert drawn.shape == (len(users), 7)
    owners = users.repeat_interleave(7)
    assert not world.seen.contains(owners, drawn.reshape(-1)).any()
    assert set(drawn[users == GREEDY].flatten().tolist()) == {13}


def test_weights_hold_for_the_enumeration_too():
    world = sampler_world()
    weights = torch.zeros(len(world.catalogue))
    unseen = [i for i in world.catalogue.tolist() if i not in world.seen.of(torch.tensor([0]))[1]]
    for item, weight in zip(unseen[:2], (1.0, 3.0), strict=True):
        weights[world.catalogue == item] = weight
    for attempts in (0, 50):
        weighted = RandomNegatives(world.seen, world.catalogue, attempts, weights)
        drawn = weighted.draw(torch.zeros(20_000, dtype=torch.long), world.rng)
        share = (drawn == unseen[1]).float().mean().item()
        assert set(drawn.tolist()) == set(unseen[:2])
        assert abs(share - 0.75) < 0.02
