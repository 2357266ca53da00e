"""Events that are left out once all are known: repeated pairs, users not drawn, small degrees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from ccd.importing.events import NO_TIME, Events

if TYPE_CHECKING:
    import pyarrow as pa


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

    The first or last in time; of equal or unknown times, in the order of reading. Where events
    have labels, a pair stays in the earliest split that it is in.

    Returns:
        The events, and how many pairs were labelled with more than one split.
    """
    pairs = events.users.astype(np.int64) * len(events.item_ids) + events.items
    order = np.argsort(pairs, kind="stable")
    pairs = pairs[order]
    starts = np.flatnonzero(np.append(True, pairs[1:] != pairs[:-1]))
    if len(starts) == len(pairs):
        return events.take(order), 0
    ends = np.append(starts[1:], len(pairs))
    chosen, conflicts = starts if which == "first" else ends - 1, 0
    # Only what is repeated has to be looked at; that is little.
    several = np.flatnonzero(ends - starts > 1)
    rows = np.concatenate([np.empty(0, np.int64), _ranges(starts[several], ends[several])])
    group = np.repeat(np.arange(len(several)), (ends - starts)[several])
    place = np.arange(len(rows)) if which == "first" else -np.arange(len(rows))
    keys = [place]
    if events.times is not None:
        times = events.times[order[rows]]
        keys.append(times if which == "first" else np.where(times == NO_TIME, _LATE, -times))
    if events.labels is not None:
        labels = events.labels[order[rows]]
        keys.append(labels)
        spread = np.maximum.reduceat(labels, _starts(group)) != np.minimum.reduceat(
            labels, _starts(group)
        )
        conflicts = int(spread.sum())
    sorted_rows = rows[np.lexsort([*keys, group])]
    chosen = chosen.copy()
    chosen[several] = sorted_rows[_starts(group)]
    return events.take(order[chosen]), conflicts


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


def _ranges(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """All whole numbers from each start to before its end."""
    sizes = ends - starts
    offsets = np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.arange(sizes.sum()) - offsets + np.repeat(starts, sizes)


def _starts(group: np.ndarray) -> np.ndarray:
    """Where each group of equal numbers begins."""
    return np.flatnonzero(np.append(True, group[1:] != group[:-1]))
