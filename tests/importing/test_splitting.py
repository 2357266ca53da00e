"""Every split, by properties that a user relies on."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccd.errors import ConfigError, DataError
from ccd.importing.events import NO_TIME, Events
from ccd.importing.filters import compact, distinct_pairs, k_core, sample_users
from ccd.importing.options import SplitOptions
from ccd.importing.splitting import cold_items, split_labels


def events(counts: list[int], seed: int = 0) -> Events:
    """Users with so many distinct items, at random times."""
    rng = np.random.Generator(np.random.PCG64(seed))
    users = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    items = np.concatenate([np.arange(n, dtype=np.int32) for n in counts])
    times = rng.permutation(len(users)).astype(np.int64)
    n_items = max(counts)
    return Events(
        users, items, times, None, None,
        pa.array([str(u) for u in range(len(counts))]), pa.array([str(i) for i in range(n_items)]),
    )  # fmt: skip


def sizes(found: Events, labels: np.ndarray, user: int) -> tuple[int, ...]:
    return tuple(int(((found.users == user) & (labels == k)).sum()) for k in range(3))


def toolbox(n: int) -> tuple[int, int, int]:
    """The MMRec toolbox's rule in its own words."""
    if n < 10:
        return n - 2, 1, 1
    held = int(n * 0.2)
    return n - held, held // 2, held - held // 2


@given(st.lists(st.integers(3, 200), min_size=1, max_size=20), st.integers(0, 99))
def test_the_ratio_is_the_toolboxs(counts, seed):
    found = events(counts)
    for by in ("ratio", "ratio-by-time"):
        labels = split_labels(found, SplitOptions(by, seed=seed))
        for user, n in enumerate(counts):
            assert sizes(found, labels, user) == toolbox(n)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=9), st.integers(1, 4))
def test_leaving_out_takes_so_many_or_none(counts, leave):
    found = events(counts)
    for by in ("leave-last-out", "leave-k-out"):
        labels = split_labels(found, SplitOptions(by, leave=leave))
        for user, n in enumerate(counts):
            expected = (n - 2 * leave, leave, leave) if n > 2 * leave else (n, 0, 0)
            assert sizes(found, labels, user) == expected


@pytest.mark.parametrize("by", ["ratio-by-time", "leave-last-out"])
def test_by_time_means_no_user_is_trained_on_the_future(by):
    found = events([3, 12, 40])
    labels = split_labels(found, SplitOptions(by))
    for user in range(3):
        for earlier, later in ((0, 1), (1, 2)):
            mine = found.users == user
            first = found.times[mine & (labels == later)].min()
            assert found.times[mine & (labels == earlier)].max() < first


def test_what_is_drawn_depends_on_the_seed_and_on_nothing_else():
    found = events([30] * 20)
    by_seed = [split_labels(found, SplitOptions("ratio", seed=seed)) for seed in (1, 1, 2)]
    assert np.array_equal(by_seed[0], by_seed[1])
    assert not np.array_equal(by_seed[0], by_seed[2])
    # Drawn, so not simply the last ones in the order of the items.
    assert (by_seed[0].reshape(20, 30)[:, -6:] == 0).any()


def test_time_points_cut_at_the_times():
    found = events([10, 10])
    found.times[:] = np.arange(20) * 86_400_000_000
    labels = split_labels(
        found, SplitOptions("time-points", valid_from="1970-01-11", test_from="1970-01-16")
    )
    assert labels.tolist() == [0] * 10 + [1] * 5 + [2] * 5
    with pytest.raises(DataError, match="split is empty"):
        split_labels(
            found, SplitOptions("time-points", valid_from="1980-01-11", test_from="1980-01-16")
        )


def test_splits_by_time_need_times():
    found = events([5])
    found.times[2] = NO_TIME
    with pytest.raises(DataError, match="needs the time of every event"):
        split_labels(found, SplitOptions("leave-last-out"))


@pytest.mark.parametrize(
    "options", [{"by": "random"}, {"ratio": (8, 0, 2)}, {"leave": 0}, {"by": "time-points"}]
)
def test_wrong_options_are_refused(options):
    with pytest.raises(ConfigError):
        SplitOptions(**options)


pair = st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 9) | st.just(NO_TIME))


@given(st.lists(pair, min_size=1, max_size=40), st.sampled_from(["first", "last"]))
def test_one_event_a_pair_the_first_or_last_in_time(made, which):
    users, items, times = (np.array(column) for column in zip(*made, strict=True))
    ids = pa.array([str(k) for k in range(6)])
    found, conflicts = distinct_pairs(
        Events(users.astype(np.int32), items.astype(np.int32), times, np.arange(len(made)), None,
               ids, ids), which,
    )  # fmt: skip
    assert conflicts == 0
    expected = {}
    for place, (user, item, time) in enumerate(made):
        late = -1 if which == "last" else 1
        # One whose time is known goes before one whose time is not.
        key = (time == NO_TIME, late * time if time != NO_TIME else 0, late * place)
        expected[user, item] = min(expected.get((user, item), (key, place)), (key, place))
    got = dict(zip(zip(found.users, found.items, strict=True), found.values, strict=True))
    assert {pair: int(place) for pair, place in got.items()} == {
        pair: place for pair, (_, place) in expected.items()
    }


def test_a_pair_in_two_splits_stays_in_the_earlier():
    ids = pa.array(["0", "1"])
    labels = np.array([2, 0, 1, 1], dtype=np.int8)
    made = Events(np.zeros(4, np.int32), np.array([0, 0, 1, 1], np.int32), None, None, labels,
                  ids, ids)  # fmt: skip
    found, conflicts = distinct_pairs(made, "last")
    assert found.labels.tolist() == [0, 1]
    assert conflicts == 1


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, unique=True))
def test_the_core_is_the_largest_set_in_which_all_have_enough(made):
    users, items = (np.array(column, dtype=np.int32) for column in zip(*made, strict=True))
    ids = pa.array([str(k) for k in range(10)])
    found, rounds = k_core(Events(users, items, None, None, None, ids, ids), 2, 3)
    left = set(made)
    while True:  # one offender at a time: the core does not depend on the order
        of_user = {u: sum(a == u for a, _ in left) for u, _ in left}
        of_item = {i: sum(b == i for _, b in left) for _, i in left}
        bad = next(((u, i) for u, i in sorted(left) if of_user[u] < 2 or of_item[i] < 3), None)
        if bad is None:
            break
        left.remove(bad)
    assert set(zip(found.users.tolist(), found.items.tolist(), strict=True)) == left
    assert sum(one.events for one in rounds) == len(made) - len(left)


def test_sampled_users_keep_all_their_events():
    found = events([4] * 50)
    some = compact(sample_users(found, 10, seed=3))
    assert len(some.user_ids) == 10
    assert np.bincount(some.users).tolist() == [4] * 10


@given(st.lists(st.integers(4, 30), min_size=4, max_size=12), st.integers(0, 99))
def test_no_event_of_a_cold_item_is_trained_on(counts, seed):
    found, options = events(counts), SplitOptions("ratio", seed=seed, cold_items=0.5)
    cold = cold_items(found, options)
    labels = split_labels(found, options, cold)
    taken = np.unique(found.items)
    assert (cold > 0).sum() == round(0.5 * len(taken))
    for split in (1, 2):
        assert (labels[np.isin(found.items, np.flatnonzero(cold == split))] == split).all()
    assert abs((cold == 1).sum() - (cold == 2).sum()) <= 1
    # The events of the other items are where they would be without cold items.
    warm = cold[found.items] == 0
    assert np.array_equal(labels[warm], split_labels(found, options)[warm])


def test_cold_items_need_a_share_that_leaves_two():
    with pytest.raises(DataError, match="without cold items"):
        cold_items(events([8, 8]), SplitOptions("ratio", cold_items=0.01))
    with pytest.raises(ConfigError, match=r"from 0 to 0\.5"):
        SplitOptions("ratio", cold_items=0.7)
