"""The softmax loss of the first K places."""

import math

import pytest
import torch
from torch.nn import functional as F

from ccd.losses.sl_at_k import sl_at_k

INF = torch.inf


def rows(seed, n=6):
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def log_weights():
    counts = torch.randint(0, 4, (6, 9), generator=torch.Generator().manual_seed(3)).double()
    return counts.log()


@pytest.mark.parametrize("k", [1, 3, 100])
@pytest.mark.parametrize(("temperature", "weight_temperature"), [(0.2, 1.0), (1.0, 0.3)])
def test_it_is_the_weighted_sum_over_positives(k, temperature, weight_temperature):
    users, positives, negatives = rows(0), rows(1), rows(2, 9)
    found = sl_at_k(
        users,
        positives,
        negatives,
        log_weights(),
        k=k,
        temperature=temperature,
        weight_temperature=weight_temperature,
    )
    total = 0.0
    for user, positive, counts in zip(users, positives, log_weights().exp().tolist(), strict=True):
        own = F.cosine_similarity(user, positive, dim=0).item()
        scores = F.cosine_similarity(user[None], negatives).tolist()
        drawn = [own] + [s if n else -1.0 for s, n in zip(scores, counts, strict=True)]
        threshold = sorted(drawn, reverse=True)[min(k, len(drawn)) - 1]
        weight = 1 / (1 + math.exp(-(own - threshold) / weight_temperature))
        powers = [
            n * math.exp((s - own) / temperature) for s, n in zip(scores, counts, strict=True)
        ]
        total += weight * math.log(sum(powers))
    assert found.item() == pytest.approx(total / 6, abs=1e-9)


def test_a_positive_below_the_threshold_counts_less():
    user = torch.tensor([[1.0, 0.0]])
    near, far = torch.tensor([[1.0, 0.2]]), torch.tensor([[0.2, 1.0]])
    negatives = torch.tensor([[1.0, 0.5], [0.5, 1.0], [0.0, 1.0]])
    nothing = torch.zeros(1, 3)

    def share(positive):
        """Of the softmax loss, with all weights even: half of it."""
        sharp, even = (
            sl_at_k(user, positive, negatives, nothing, k=1, weight_temperature=t)
            for t in (0.1, 1e6)
        )
        return (sharp / even / 2).item()

    assert share(near) == pytest.approx(0.5)  # it is the first itself
    assert share(far) < 0.01


def test_triplets_without_negatives_add_nothing():
    users = rows(0).requires_grad_()
    weights = torch.zeros(6, 3, dtype=torch.float64)
    weights[2] = -INF
    sl_at_k(users, rows(1), rows(2, 3), weights).backward()
    assert (users.grad[2] == 0).all()
    assert users.grad.isfinite().all()
    assert (users.grad[[0, 1, 3, 4, 5]] != 0).any(dim=1).all()
    users.grad = None
    nobody = sl_at_k(users, rows(1), rows(2, 3), torch.full_like(weights, -INF))
    nobody.backward()
    assert nobody.item() == 0
    assert (users.grad == 0).all()
