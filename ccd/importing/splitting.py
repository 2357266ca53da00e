"""Split events into train, validation and test.

Every rule gives each event one label, and a pair of user and item is one event, so that no pair can
be in two splits. What a rule takes from a user depends on the user's own events alone, except for
``time-points``, which is the same for all.
"""

from __future__ import annotations

import numpy as np

from ccd.datasets.interactions import SPLITS
from ccd.errors import DataError
from ccd.importing.cells import as_date, moment
from ccd.importing.events import NO_TIME, Events
from ccd.importing.options import SplitOptions


def split_labels(
    events: Events, options: SplitOptions, cold: np.ndarray | None = None
) -> np.ndarray:
    """The split of each event as int8 ``[n]``: 0 train, 1 validation, 2 test.

    Args:
        events: Distinct pairs, in the order of users.
        options: The rule.
        cold: What ``cold_items`` gave: all events of such an item are in its split.

    Raises:
        DataError: The rule needs times or labels that the events do not have.
    """
    labels = _by_rule(events, options)
    if cold is None:
        return labels
    home = cold[events.items]
    return np.where(home > 0, home, labels).astype(np.int8)


def cold_items(events: Events, options: SplitOptions) -> np.ndarray:
    """The only split of each item that is never trained on, int8 ``[n_items]``; 0 for the others.

    Half of the items drawn are held out for validation, the others for test, so that what is chosen
    on the first is measured on items that had no part in it.

    Raises:
        DataError: There are too few items with events for one in each split.
    """
    taken = np.unique(events.items)
    n = round(options.cold_items * len(taken))
    if n < 2:
        raise DataError(
            f"--cold-items {options.cold_items} leaves a split without cold items",
            keys=("--cold-items",),
            found=f"{len(taken):,} items with events",
            hint="write a larger share",
        )
    # A stream of its own: the other items' events are split as they are without cold items.
    rng = np.random.Generator(np.random.PCG64([options.seed, 1]))
    drawn = rng.permutation(taken)[:n]
    cold = np.zeros(len(events.item_ids), dtype=np.int8)
    cold[drawn[: n // 2]], cold[drawn[n // 2 :]] = 1, 2
    return cold


def _by_rule(events: Events, options: SplitOptions) -> np.ndarray:
    if options.by == "labels":
        if events.labels is None:
            raise DataError(
                "these events have no labels",
                keys=("--split",),
                hint="choose another --split, or name the column that holds them with --label",
            )
        return events.labels
    if options.needs_time and (events.times is None or (events.times == NO_TIME).any()):
        raise DataError(
            f"--split {options.by} needs the time of every event",
            keys=("--split",),
            hint="name the column with --time, or choose --split ratio",
        )
    if options.by == "time-points":
        return _by_time_points(events, options)
    counts = np.bincount(events.users, minlength=len(events.user_ids))
    if str(options.by).startswith("ratio"):
        valid, test = _by_ratio(counts, options.ratio)
    else:
        # Who has too few for both keeps the rest in train: nobody is held out without training.
        fits = counts > 2 * options.leave
        valid = test = np.where(fits, options.leave, 0)
    return _last_of_each(events, _order(events, options), counts, valid, test)


def _by_ratio(counts: np.ndarray, ratio: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Events of each user in validation and in test.

    The MMRec toolbox's rule, for its 8:1:1: a user with fewer than 10 events gives one to each; any
    other a fifth in all, rounded down, half of it, rounded down, to validation. Users with fewer
    than 3 events give none.
    """
    train, valid, test = ratio
    held = counts * (valid + test) // (train + valid + test)
    to_valid = np.maximum(held * valid // (valid + test), 1)
    to_test = np.maximum(held - to_valid, 1)
    fits = counts > to_valid + to_test
    return np.where(fits, to_valid, 0), np.where(fits, to_test, 0)


def _order(events: Events, options: SplitOptions) -> np.ndarray:
    """Positions of the events, users in order and each user's events in that of the rule."""
    if options.needs_time:
        assert events.times is not None
        by_time = np.argsort(events.times, kind="stable")
        return by_time[np.argsort(events.users[by_time], kind="stable")]
    drawn = np.random.Generator(np.random.PCG64(options.seed)).random(len(events), np.float32)
    # Users are below 2**31, so that one number can hold both, and one sort will do.
    keys = events.users.astype(np.int64) << 24 | (drawn * 2**24).astype(np.int64)
    return np.argsort(keys, kind="stable")


def _last_of_each(
    events: Events, order: np.ndarray, counts: np.ndarray, valid: np.ndarray, test: np.ndarray
) -> np.ndarray:
    """Label the last events of each user in ``order`` as test, and those before as validation."""
    ends = np.cumsum(counts)
    users = events.users[order]
    from_end = ends[users] - np.arange(len(order))
    ordered = np.zeros(len(order), dtype=np.int8)
    ordered[from_end <= (valid + test)[users]] = 1
    ordered[from_end <= test[users]] = 2
    labels = np.empty(len(order), dtype=np.int8)
    labels[order] = ordered
    return labels


def _by_time_points(events: Events, options: SplitOptions) -> np.ndarray:
    valid_from = moment(str(options.valid_from), "--valid-from")
    test_from = moment(str(options.test_from), "--test-from")
    assert events.times is not None
    labels = (events.times >= valid_from).astype(np.int8)
    labels[events.times >= test_from] = 2
    found = np.bincount(labels, minlength=3)
    if not found.all() or valid_from >= test_from:
        first, last = int(events.times.min()), int(events.times.max())
        raise DataError(
            f"with these times the {SPLITS[int(found.argmin())]} split is empty",
            keys=("--valid-from", "--test-from"),
            found=f"events from {as_date(first)} to {as_date(last)}",
            hint="choose two times within these, the earlier one for validation",
        )
    return labels


def trained_only(events: Events, labels: np.ndarray) -> np.ndarray:
    """Mask of the events whose user has one in train."""
    trained = np.zeros(len(events.user_ids), dtype=bool)
    trained[events.users[labels == 0]] = True
    mask: np.ndarray = trained[events.users]
    return mask


def refuse_empty(labels: np.ndarray) -> None:
    """Refuse a split without events.

    Raises:
        DataError: There is one.
    """
    sizes = np.bincount(labels, minlength=len(SPLITS))
    if not sizes.all():
        raise DataError(
            f"the {SPLITS[int(sizes.argmin())]} split is empty",
            keys=("--split",),
            found=", ".join(f"{name} {n:,}" for name, n in zip(SPLITS, sizes, strict=True)),
            hint="users need at least 3 events for a split of their own events: choose a higher "
            "--user-core, or another --split",
        )
