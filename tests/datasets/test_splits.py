from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccd.datasets.interactions import InteractionTable
from ccd.datasets.splits import Splits, split_interactions
from ccd.errors import DataError
from tests.datasets.files import ROWS

TRAIN, VALID, TEST = 0, 1, 2


def table(rows) -> InteractionTable:
    users, items, labels = np.array(rows, dtype=np.int64).T
    return InteractionTable(Path("a.inter"), users, items, labels)


def split(rows, duplicates="drop", leaks="refuse") -> Splits:
    return split_interactions(table(rows), duplicates=duplicates, leaks=leaks)


def pairs(part) -> list[tuple[int, int]]:
    return list(zip(part.users.tolist(), part.items.tolist(), strict=True))


def test_rows_go_to_their_split_in_order():
    splits = split(ROWS)
    for label, part in enumerate((splits.train, splits.valid, splits.test)):
        assert pairs(part) == [(u, i) for u, i, x in ROWS if x == label]
    assert (splits.n_users, splits.n_items) == (3, 6)


def test_sizes_count_all_splits_and_cold_items_are_kept_and_noted():
    splits = split([*ROWS, (0, 9, TEST)])
    assert splits.n_items == 10
    assert (0, 9) in pairs(splits.test)
    assert splits.notes == (
        "3 of 10 item ids occur in no split",
        "6 of 10 items have no training interaction (cold, kept)",
    )


def test_users_without_training_rows_leave_the_held_out_splits():
    splits = split([*ROWS, (4, 0, VALID), (4, 1, TEST), (5, 1, TEST)])
    assert splits.n_users == 6
    assert set(splits.valid.users) | set(splits.test.users) == {0, 1, 2}
    assert (
        "2 users without a training interaction were removed from valid and test (3 rows)"
        in splits.notes
    )


def test_duplicates_are_dropped_with_count_and_lines():
    splits = split([*ROWS, ROWS[0], ROWS[0], ROWS[2]])
    assert pairs(splits.train).count((0, 0)) == 1
    assert len(splits.valid) == 3
    assert splits.notes[0] == (
        "3 duplicate interactions: lines 2 and 14, 2 and 15, 4 and 16; dropped"
    )


def test_duplicates_are_refused_where_the_policy_says_so():
    with pytest.raises(
        DataError, match=r"1 duplicate interaction: lines 2 and 14\n.*\n.*duplicates"
    ):
        split([*ROWS, ROWS[0]], duplicates="refuse")


def test_leaks_are_refused_with_count_and_lines():
    leaks = [(u, u, TEST) for u in range(3)] + [(0, 1, VALID)]
    with pytest.raises(DataError) as caught:
        split([*ROWS, *leaks])
    assert str(caught.value) == (
        "4 leaked interactions (1 of train again in valid, 3 of train again in test): "
        "lines 2 and 14, 6 and 15, 10 and 16, ...\n  a.inter\n"
        "  correct the file, or set mmrec_dataset.leaks = 'drop'"
    )


def test_leaks_are_dropped_from_the_later_split_where_the_policy_says_so():
    splits = split([(0, 0, TEST), (0, 2, TEST), *ROWS], leaks="drop")
    assert (0, 0) in pairs(splits.train)
    assert (0, 2) in pairs(splits.valid)
    assert not {(0, 0), (0, 2)} & set(pairs(splits.test))
    assert "2 leaked interactions" in splits.notes[0]


@pytest.mark.parametrize(("label", "name"), [(TRAIN, "train"), (VALID, "valid"), (TEST, "test")])
def test_an_empty_split_is_refused_by_name(label, name):
    with pytest.raises(DataError, match=rf"the {name} split \(x_label {label}\) is empty: no row"):
        split([row for row in ROWS if row[2] != label])


def test_a_split_that_becomes_empty_is_refused():
    rows = [row for row in ROWS if row[2] != VALID] + [(3, 0, VALID)]
    with pytest.raises(DataError, match="the valid split .* is empty: its 1 rows were all removed"):
        split(rows)


@pytest.mark.parametrize(("column", "kind"), [(0, "user"), (1, "item")])
def test_one_user_or_item_is_refused(column, kind):
    rows = [[0 if i == column else value for i, value in enumerate(row)] for row in ROWS]
    with pytest.raises(DataError, match=f"at least 2 {kind}s are needed, got 1"):
        split(rows)


def test_known_ids_are_the_sizes():
    users, items, labels = np.array(ROWS, dtype=np.int64).T
    known = InteractionTable(
        Path("a.inter"), users, items, labels, user_ids=tuple("abc"), item_ids=tuple("abcdefgh")
    )
    splits = split_interactions(known, duplicates="drop", leaks="refuse")
    assert (splits.n_users, splits.n_items) == (3, 8)
    assert splits.notes[0] == "2 of 8 item ids occur in no split"


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 2)), min_size=1))
def test_splits_are_distinct_disjoint_and_trained(rows):
    try:
        splits = split([*ROWS, *rows], leaks="drop")
    except DataError as error:
        assert "is empty" in str(error)  # noqa: PT017 - other refusals do not fit these rows
        return
    parts = [pairs(part) for part in (splits.train, splits.valid, splits.test)]
    everything = [pair for part in parts for pair in part]
    assert len(everything) == len(set(everything))
    trained = {user for user, _ in parts[0]}
    assert {user for part in parts for user, _ in part} == trained
    given_pairs = {(u, i) for u, i, _ in [*ROWS, *rows] if u in trained}
    assert set(everything) == given_pairs
