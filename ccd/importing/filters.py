"""Events that are left out once all are known: repeated pairs, users not drawn, small degrees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from ccd.importing.events import NO_TIME, Events

if TYPE_CHECKING:
    import pyarrow as pa


_BLOCK = 2**22
_LATE = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Round:
    """One round of the k-core: users, items and events that it left out."""

    users: int
    items: int
    events: int


def sample_users(events: Events, n: int, seed: int) -> Events:
    """The events of ``n`` users, drawn by ``seed`` from all of them."""
    n_users = len(events.user_ids)
    if n >= n_users:
        return events
    drawn = np.zeros(n_users, dtype=bool)
    drawn[np.random.Generator(np.random.PCG64(seed)).choice(n_users, n, replace=False)] = True
    return events.take(drawn[events.users])


def distinct_pairs(events: Events, which: Literal["first", "last"]) -> tuple[Events, int]:
    """One event of each user and item, in the order of users and items.

    The first or last in time, or in the order of reading where times are equal or not known; one
    whose time is known goes before one whose time is not. Where events
    have labels, a pair stays in the earliest split that it is in.

    Returns:
        The events, and how many pairs were labelled with more than one split.
    """
    pairs = events.users.astype(np.int64) * len(events.item_ids) + events.items
    order = np.argsort(pairs, kind="stable")
    again = _repeats(pairs, order)
    del pairs  # at 100 M events each such array takes 0.8 GB
    if not again.any():
        return events.take(order), 0
    # Only pairs that are repeated have to be looked at, and these are few.
    several = again.copy()
    several[:-1] |= again[1:]
    at = np.flatnonzero(several)
    group = np.cumsum(~again[at]) - 1
    chosen, conflicts = _chosen(events.take(order[at]), group, which)
    keep = ~several
    keep[at[chosen]] = True
    order = order[keep]
    return events.take(order), conflicts


def _repeats(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Which of ``values[order]`` are equal to the one before ``[n]``, a block at a time."""
    found = np.zeros(len(order), dtype=bool)
    for start in range(1, len(order), _BLOCK):
        stop = min(start + _BLOCK, len(order))
        block = values[order[start - 1 : stop]]
        found[start:stop] = block[1:] == block[:-1]
    return found


def _chosen(events: Events, group: np.ndarray, which: str) -> tuple[np.ndarray, int]:
    """Position of the event that counts of each group, and how many groups have several labels."""
    place = np.arange(len(events))
    keys = [place if which == "first" else -place]
    if events.times is not None:
        known = events.times != NO_TIME
        times = events.times if which == "first" else -events.times
        keys.append(np.where(known, times, _LATE))
    starts = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
    conflicts = 0
    if events.labels is not None:
        keys.append(events.labels)
        most = np.maximum.reduceat(events.labels, starts)
        conflicts = int((most != np.minimum.reduceat(events.labels, starts)).sum())
    return np.lexsort([*keys, group])[starts], conflicts


def k_core(events: Events, user_core: int, item_core: int) -> tuple[Events, list[Round]]:
    """Leave out users and items with too few of the other until none is left that has.

    Each round looks at the degrees of users and items once and removes both, as the MMRec toolbox
    does; the result does not depend on that order, but the report of the rounds does.
    """
    rounds: list[Round] = []
    users, items = events.users, events.items
    keep: np.ndarray | None = None
    while user_core > 1 or item_core > 1:
        per_user = np.bincount(users, minlength=len(events.user_ids))
        per_item = np.bincount(items, minlength=len(events.item_ids))
        few_users, few_items = per_user < user_core, per_item < item_core
        left = ~(few_users[users] | few_items[items])
        if left.all():
            break
        rounds.append(
            Round(
                int((few_users & (per_user > 0)).sum()),
                int((few_items & (per_item > 0)).sum()),
                int((~left).sum()),
            )
        )
        keep = np.flatnonzero(left) if keep is None else keep[left]
        users, items = users[left], items[left]
    return (events if keep is None else events.take(keep)), rounds


def compact(events: Events, *, keep_items: np.ndarray | None = None) -> Events:
    """Leave out ids that no event has; ``keep_items`` is a mask of those that stay all the same."""
    users, user_ids = _compact(events.users, events.user_ids, None)
    items, item_ids = _compact(events.items, events.item_ids, keep_items)
    return replace(events, users=users, items=items, user_ids=user_ids, item_ids=item_ids)


def _compact(
    codes: np.ndarray, ids: pa.Array, keep: np.ndarray | None
) -> tuple[np.ndarray, pa.Array]:
    stays = np.bincount(codes, minlength=len(ids)) > 0
    if keep is not None:
        stays |= keep
    place = np.cumsum(stays, dtype=np.int32) - 1
    return place[codes].astype(np.int32), ids.filter(stays)
