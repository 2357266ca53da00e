"""The softmax over negatives that a batch shares."""

import math

import pytest
import torch
from torch.nn import functional as F

from ccd.losses.bpr import bpr_loss
from ccd.losses.mix import LossMix
from ccd.losses.shared import SharedRows, psl, sampled_softmax

INF = torch.inf


def rows(seed, n=6):
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_it_is_the_cross_entropy_of_the_positive(similarity, temperature):
    users, positives, negatives = rows(0), rows(1), rows(2, 9)
    weights = torch.randint(0, 4, (6, 9), generator=torch.Generator().manual_seed(3)).double()
    found = sampled_softmax(
        users,
        positives,
        negatives,
        weights.log(),
        temperature=temperature,
        similarity=similarity,
    )
    total = 0.0
    for user, positive, counts in zip(users, positives, weights, strict=True):
        # Each negative as often as it counts, and the positive first.
        repeated = negatives.repeat_interleave(counts.long(), dim=0)
        items = torch.cat([positive[None], repeated])
        cosine = F.cosine_similarity(user[None], items)
        scores = cosine if similarity == "cosine" else items @ user
        total += F.cross_entropy(scores / temperature, torch.tensor(0))
    torch.testing.assert_close(found, total / 6)


def test_of_one_negative_it_is_bpr():
    users, positives, negatives = rows(0), rows(1), rows(2)
    own = torch.full((6, 6), -INF, dtype=torch.float64).fill_diagonal_(0.0)
    found = sampled_softmax(users, positives, negatives, own)
    torch.testing.assert_close(found, bpr_loss(users, positives, negatives))


def test_a_triplet_without_negatives_adds_nothing():
    users = rows(0).requires_grad_()
    weights = torch.zeros(6, 3, dtype=torch.float64)
    weights[2] = -INF
    sampled_softmax(users, rows(1), rows(2, 3), weights).backward()
    assert (users.grad[2] == 0).all()
    assert users.grad.isfinite().all()
    assert (users.grad[[0, 1, 3, 4, 5]] != 0).any(dim=1).all()


def test_the_mix_weighs_it_as_the_hard_term():
    users, positives, randoms, shared = rows(0), rows(1), rows(2), rows(3, 5)
    weights = torch.zeros(6, 5, dtype=torch.float64)
    mix = LossMix(hard_weight=0.4, shared=sampled_softmax)
    terms = mix((users, positives, randoms), SharedRows(shared, weights), None, None)
    assert set(terms) == {"random", "hard"}
    expected = 0.4 * sampled_softmax(users, positives, shared, weights)
    torch.testing.assert_close(terms["hard"], expected)


SIGMA = {
    "tanh": lambda d: 1 + math.tanh(d),
    "atan": lambda d: 1 + math.atan(d),
    "relu": lambda d: max(0.0, 1 + d),
}


@pytest.mark.parametrize("activation", SIGMA)
@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_psl_is_its_sum_over_negatives(activation, temperature):
    users, positives, negatives = rows(0), rows(1), rows(2, 9)
    weights = torch.randint(0, 4, (6, 9), generator=torch.Generator().manual_seed(3)).double()
    found = psl(
        users, positives, negatives, weights.log(), temperature=temperature, activation=activation
    )
    total = 0.0
    for user, positive, counts in zip(users, positives, weights.tolist(), strict=True):
        own = F.cosine_similarity(user, positive, dim=0).item()
        differences = [
            (F.cosine_similarity(user, row, dim=0).item() - own) / 2 for row in negatives
        ]
        powers = [SIGMA[activation](d) ** (1 / temperature) for d in differences]
        total += math.log(sum(n * power for n, power in zip(counts, powers, strict=True)))
    assert found.item() == pytest.approx(total / 6, abs=1e-9)


@pytest.mark.parametrize("activation", SIGMA)
def test_psl_of_opposite_items_and_of_no_negatives_has_gradients(activation):
    users = rows(0).requires_grad_()
    negatives = torch.stack([-users[0].detach(), users[1].detach(), rows(4)[0]])
    positives = torch.stack([users[0].detach(), *rows(1)[1:]])
    weights = torch.zeros(6, 3, dtype=torch.float64)
    weights[2] = -INF
    psl(users, positives, negatives, weights, activation=activation).backward()
    assert users.grad.isfinite().all()
    assert (users.grad[2] == 0).all()
    assert (users.grad[[1, 3, 4, 5]] != 0).any(dim=1).all()


def test_a_batch_in_which_nobody_has_a_negative_has_no_psl():
    users = rows(0).requires_grad_()
    loss = psl(users, rows(1), rows(2, 3), torch.full((6, 3), -INF, dtype=torch.float64))
    loss.backward()
    assert loss.item() == 0
    assert (users.grad == 0).all()
