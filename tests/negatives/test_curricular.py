import pytest
import torch

from ccd.errors import ConfigError
from ccd.negatives.curricula import final_only, last_pool
from ccd.negatives.curricular import CurricularSampler
from tests.negatives.worlds import N_ITEMS, N_POOLS, batch, context, sampler_world


def sampler(world, **settings):
    defaults = {"curriculum": last_pool, "candidate_fraction": 1.0, "top_fraction": 0.2}
    return CurricularSampler(world, **{**defaults, **settings})


def ranks(world, chosen, users, anchors, table):
    """Rank of each chosen item among the user's unseen catalogue, 0 the most similar."""
    scores = anchors @ table.T
    scores[~torch.isin(torch.arange(N_ITEMS), world.catalogue).expand_as(scores)] = -torch.inf
    scores[world.seen.of(users)] = -torch.inf
    return (scores > scores.gather(1, chosen[:, None])).sum(1)


def test_draws_are_among_the_most_similar_of_the_pool():
    world, now = sampler_world(), context(3)
    users, positives, negatives = batch(world)
    built = sampler(world)
    chosen = built.sample(users, positives, negatives, now).ids
    table = now.pools[N_POOLS - 1]
    rank = ranks(world, chosen, users, table[positives], table)
    hard = chosen != negatives
    assert (rank[hard] < built.n_top).all()
    assert hard.float().mean() > 0.5


def test_final_representations():
    world, now = sampler_world(), context(3)
    users, positives, negatives = batch(world)
    built = sampler(world, curriculum=final_only, final_source="current")
    assert built.needs(3) == "current"
    assert built.needs(0) == "nothing"
    chosen = built.sample(users, positives, negatives, now).ids
    rank = ranks(world, chosen, users, now.current.items[positives], now.current.items)
    assert (rank[chosen != negatives] < built.n_top).all()


def test_representations_of_the_last_epoch_end():
    world, now = sampler_world(), context(3)
    older = context(3, seed=9).current
    users, positives, negatives = batch(world)
    built = sampler(world, curriculum=final_only, final_source="epoch")
    chosen = built.sample(users, positives, negatives, now._replace(epoch_end=older)).ids
    rank = ranks(world, chosen, users, older.items[positives], older.items)
    assert (rank[chosen != negatives] < built.n_top).all()


def test_cosine_ignores_length():
    world, now = sampler_world(), context(3)
    users, positives, negatives = batch(world)
    stretched = now._replace(pools=now.pools * torch.arange(1, N_ITEMS + 1)[:, None])
    same = [
        sampler(sampler_world(), similarity="cosine").sample(users, positives, negatives, c).ids
        for c in (now, stretched)
    ]
    dots = [
        sampler(sampler_world()).sample(users, positives, negatives, c).ids
        for c in (now, stretched)
    ]
    assert torch.equal(*same)
    assert not torch.equal(*dots)


def test_candidates_with_replacement_are_masked_everywhere():
    world, now = sampler_world(), context(3)
    users, positives, negatives = batch(world)
    built = sampler(world, candidate_replacement=True)
    for _ in range(10):
        chosen = built.sample(users, positives, negatives, now).ids
        assert not world.seen.contains(users, chosen).any()


def test_epoch_zero_takes_the_random_negatives():
    world, now = sampler_world(), context(0)
    users, positives, negatives = batch(world)
    assert torch.equal(sampler(world).sample(users, positives, negatives, now).ids, negatives)
    eager = sampler(world, first_epoch="pool")
    assert not torch.equal(eager.sample(users, positives, negatives, now).ids, negatives)
    assert eager.needs_epoch_end(0)


def test_refusals():
    with pytest.raises(ConfigError, match="leave 4 candidates and 0 to draw from"):
        CurricularSampler(
            sampler_world(), curriculum=last_pool, candidate_fraction=0.1, top_fraction=0.1
        )
