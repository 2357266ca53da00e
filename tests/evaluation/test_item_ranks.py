import pytest
import torch

from ccd.evaluation.item_ranks import item_ranks
from ccd.evaluation.ties import first_ranked

RNG = torch.Generator().manual_seed(0)


def pairs(n_rows, n_items, most):
    """Rows ascending, and up to ``most`` distinct items of each."""
    drawn = [
        torch.randperm(n_items, generator=RNG)[: torch.randint(most + 1, (), generator=RNG)]
        for _ in range(n_rows)
    ]
    rows = torch.arange(n_rows).repeat_interleave(torch.tensor([len(x) for x in drawn]))
    return rows, torch.cat(drawn)


@pytest.mark.parametrize("most", [1, 4, 30])
@pytest.mark.parametrize("levels", [None, 5])  # five different scores: nearly all are tied
def test_a_rank_is_the_place_in_the_sorted_list(most, levels):
    scores = torch.randn(40, 60, generator=RNG)
    if levels:
        scores = (scores * 2).round().clamp(-2, 2)
    rows, items = pairs(40, 60, most)
    _, order = first_ranked(scores, 60)
    place = order.argsort(dim=1)[rows, items]
    assert torch.equal(item_ranks(scores, rows, items, 60), place)
    assert torch.equal(item_ranks(scores, rows, items, 7).clamp(max=7), place.clamp(max=7))


def test_a_masked_item_has_no_rank():
    scores = torch.full((2, 8), -torch.inf)
    scores[1, 3] = 0.0
    found = item_ranks(scores, torch.tensor([0, 1, 1]), torch.tensor([0, 3, 4]), 5)
    assert found.tolist() == [5, 0, 5]


def test_two_equal_items_have_two_ranks():
    scores = torch.tensor([[1.0, 2.0, 2.0, 0.0]])
    found = item_ranks(scores, torch.tensor([0, 0, 0]), torch.tensor([0, 1, 2]), 4)
    assert sorted(found.tolist()) == [0, 1, 2]
    assert found[0] == 2


def test_no_item_is_asked_for():
    nothing = torch.empty(0, dtype=torch.int64)
    assert item_ranks(torch.zeros(3, 4), nothing, nothing, 2).tolist() == []
