import numpy as np
import pytest
import torch

from ccd.backbones.base import Representations
from ccd.evaluation.ranking import best_items
from ccd.evaluation.ties import first_ranked
from ccd.graphs.items_by_user import ItemsByUser

RNG = torch.Generator().manual_seed(0)


@pytest.mark.parametrize("k", [1, 5, 38, 40])
def test_without_ties_it_is_what_torch_ranks(k):
    scores = torch.randn(200, 40, generator=RNG)
    scores[::3, 7] = scores[::3, 8]  # two are no tie
    values, items = first_ranked(scores, k)
    expected = scores.topk(k, dim=1)
    assert torch.equal(values, expected.values)
    assert torch.equal(items, expected.indices)


@pytest.mark.parametrize("k", [1, 5, 20])
def test_equal_scores_favour_no_number_and_are_ranked_alike(k):
    scores = torch.zeros(50, 200)
    values, items = first_ranked(scores, k)
    assert (values == 0).all()
    assert (items == items[0]).all()
    assert len(set(items[0].tolist())) == k
    assert not torch.equal(items[0].sort().values, torch.arange(k))
    flipped = first_ranked(torch.zeros(1, 200), 200)[1][0]
    assert sorted(flipped.tolist()) == list(range(200))
    # The correlation of rank and number: that of a random order.
    assert abs(np.corrcoef(flipped, np.arange(200))[0, 1]) < 0.2


def test_a_tie_that_reaches_beyond_the_end_of_the_list_is_one():
    scores = torch.zeros(4, 100)
    scores[:, 60] = 2.0
    values, items = first_ranked(scores, 3)
    assert (items[:, 0] == 60).all()
    assert (values[:, 0] == 2).all()
    whole = [i for i in first_ranked(torch.zeros(1, 100), 100)[1][0].tolist() if i != 60]
    assert items[:, 1:].tolist() == [whole[:2]] * 4
    one = torch.zeros(4, 100)
    one[:, 60] = one[:, 61] = 2.0
    assert first_ranked(one, 2)[1].tolist() == one.topk(2, dim=1).indices.tolist()


def test_only_the_rows_with_ties_are_ranked_anew():
    scores = torch.randn(10, 60, generator=RNG)
    plain = scores.topk(8, dim=1).indices
    scores[4] = 1.0
    items = first_ranked(scores, 8)[1]
    others = torch.arange(10) != 4
    assert torch.equal(items[others], plain[others])


def test_masked_items_are_no_tie_and_come_last():
    scores = torch.randn(5, 30, generator=RNG)
    scores[:, 4:] = -torch.inf
    values, items = first_ranked(scores, 10)
    expected = scores.topk(10, dim=1)
    assert torch.equal(values, expected.values)
    assert torch.equal(items, expected.indices)


def test_a_collapsed_model_recommends_no_item_for_its_number():
    users, items = torch.ones(40, 4), torch.ones(300, 4)
    none = torch.empty(0, dtype=torch.int64)
    seen = ItemsByUser(none, none, 40, 300)
    blocks = best_items(Representations(users, items), torch.arange(40), seen, 20)
    (_, best, _), *_ = blocks
    assert best.float().mean() == pytest.approx(149.5, abs=60)
