import warnings

import pytest
import torch

from ccd.negatives.scores import columns_by_rank, pair_scores


def test_are_the_entries_of_the_product():
    rng = torch.Generator().manual_seed(0)
    queries, table = torch.randn(6, 5, generator=rng), torch.randn(9, 5, generator=rng)
    ids = torch.randint(9, (6, 4), generator=rng)
    ids[0] = 3  # repeats
    torch.testing.assert_close(pair_scores(queries, table, ids), (queries @ table.T).gather(1, ids))


def test_more_ids_than_rows():
    queries, table = torch.randn(3, 5), torch.randn(4, 5)
    ids = torch.randint(4, (3, 30))
    torch.testing.assert_close(pair_scores(queries, table, ids), (queries @ table.T).gather(1, ids))


def test_no_rows_and_parts_of_tables():
    table = torch.randn(9, 5)
    assert pair_scores(table[:0], table, torch.empty(0, 4, dtype=torch.long)).shape == (0, 4)
    part = pair_scores(table[2:4], table[3:], torch.tensor([[1], [5]]))
    torch.testing.assert_close(part[:, 0], torch.stack([table[2] @ table[4], table[3] @ table[8]]))


def test_is_silent_and_keeps_no_graph():
    table = torch.randn(9, 5, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = pair_scores(table[:2], table, torch.tensor([[1], [5]]))
    assert not scores.requires_grad


@pytest.mark.parametrize(("low", "high"), [(0, 3), (2, 7), (0, 9), (9 - 1, 9)])
def test_columns_by_rank(low, high):
    scores = torch.randn(6, 9, generator=torch.Generator().manual_seed(0))
    expected = scores.argsort(dim=1, descending=True)[:, low:high]
    found = columns_by_rank(scores, low, high)
    assert torch.equal(found.sort(dim=1).values, expected.sort(dim=1).values)
