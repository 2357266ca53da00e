import math

import ir_measures
import pytest
import torch
from ir_measures import AP, RR, P, R, Success, nDCG

from ccd.evaluation.metrics import (
    average_precision,
    hit_rate,
    ndcg,
    precision,
    recall,
    reciprocal_rank,
)


def test_by_hand():
    """Two relevant items, hits at ranks 1 and 3."""
    hits = torch.tensor([[1.0, 0, 1, 0, 0]])
    relevant = torch.tensor([2.0])
    assert recall(hits, 5, relevant).item() == 1
    assert precision(hits, 5, relevant).item() == pytest.approx(0.4)
    assert ndcg(hits, 5, relevant).item() == pytest.approx(1.5 / (1 + 1 / math.log2(3)))
    assert average_precision(hits, 5, relevant).item() == pytest.approx((1 + 2 / 3) / 2)
    assert hit_rate(hits, 5, relevant).item() == 1
    assert reciprocal_rank(hits, 5, relevant).item() == 1
    assert recall(hits, 2, relevant).item() == 0.5


def test_against_an_independent_library():
    rng = torch.Generator().manual_seed(0)
    n_users, n_items, k = 30, 60, 10
    scores = torch.rand(n_users, n_items, generator=rng)
    relevance = torch.rand(n_users, n_items, generator=rng) < 0.1
    relevance[:, 0] |= ~relevance.any(1)
    order = scores.argsort(dim=1, descending=True)
    hits = relevance.gather(1, order).float()
    relevant = relevance.sum(1).float()
    qrels = [ir_measures.Qrel(str(u), str(i), 1) for u, i in relevance.nonzero().tolist()]
    run = [
        ir_measures.ScoredDoc(str(u), str(i), scores[u, i].item())
        for u in range(n_users)
        for i in range(n_items)
    ]
    ours = {
        R @ k: recall,
        P @ k: precision,
        nDCG @ k: ndcg,
        Success @ k: hit_rate,
        RR @ k: reciprocal_rank,
    }
    theirs = {
        (m.measure, m.query_id): m.value for m in ir_measures.iter_calc(list(ours), qrels, run)
    }
    for measure, metric in ours.items():
        for user, value in enumerate(metric(hits, k, relevant).tolist()):
            assert value == pytest.approx(theirs[measure, str(user)], abs=1e-6), measure


def test_average_precision_against_an_independent_library():
    """Theirs divides by all relevant items; with no user above k the two agree."""
    rng = torch.Generator().manual_seed(1)
    n_users, n_items, k = 30, 60, 20
    scores = torch.rand(n_users, n_items, generator=rng)
    relevance = torch.zeros(n_users, n_items, dtype=torch.bool)
    for user in range(n_users):
        relevance[user, torch.randperm(n_items, generator=rng)[: 1 + user % 5]] = True
    hits = relevance.gather(1, scores.argsort(dim=1, descending=True)).float()
    qrels = [ir_measures.Qrel(str(u), str(i), 1) for u, i in relevance.nonzero().tolist()]
    run = [
        ir_measures.ScoredDoc(str(u), str(i), scores[u, i].item())
        for u in range(n_users)
        for i in range(n_items)
    ]
    theirs = {m.query_id: m.value for m in ir_measures.iter_calc([AP @ k], qrels, run)}
    ours = average_precision(hits, k, relevance.sum(1).float())
    for user, value in enumerate(ours.tolist()):
        assert value == pytest.approx(theirs[str(user)], abs=1e-6)
