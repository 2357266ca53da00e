import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ccd.graphs import items_by_user
from ccd.graphs.items_by_user import ItemsByUser

PAIRS = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 9)), min_size=1)


@settings(max_examples=50)
@given(PAIRS)
def test_contains_equals_the_set(pairs):
    users, items = torch.tensor(sorted(pairs)).T
    seen = ItemsByUser(users, items, 7, 10)
    grid = torch.cartesian_prod(torch.arange(7), torch.arange(10))
    found = seen.contains(grid[:, 0], grid[:, 1])
    assert {tuple(p) for p in grid[found].tolist()} == pairs


@settings(max_examples=50)
@given(PAIRS, st.lists(st.integers(0, 6), max_size=12))
def test_of_lists_every_row(pairs, wanted):
    users, items = torch.tensor(sorted(pairs)).T
    rows, found = ItemsByUser(users, items, 7, 10).of(torch.tensor(wanted, dtype=torch.long))
    expected = [(r, i) for r, u in enumerate(wanted) for v, i in sorted(pairs) if v == u]
    assert list(zip(rows.tolist(), found.tolist(), strict=True)) == expected


def test_many_pairs_are_looked_up_in_blocks(monkeypatch):
    seen = ItemsByUser(torch.tensor([0, 2, 6]), torch.tensor([3, 9, 0]), 7, 10)
    grid = torch.cartesian_prod(torch.arange(7), torch.arange(10))
    whole = seen.contains(grid[:, 0], grid[:, 1])
    monkeypatch.setattr(items_by_user, "_BLOCK_PAIRS", 8)
    assert torch.equal(seen.contains(grid[:, 0], grid[:, 1]), whole)
    assert whole.sum() == 3
