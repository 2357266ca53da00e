"""Turn a table of labelled interactions into three clean splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ccd.datasets.dataset import Interactions
from ccd.datasets.interactions import SPLITS, InteractionTable
from ccd.errors import DataError


@dataclass(frozen=True)
class Splits:
    """Clean splits: distinct pairs, no pair in two of them, no user without training rows."""

    n_users: int
    n_items: int
    train: Interactions
    valid: Interactions
    test: Interactions
    notes: tuple[str, ...]


def split_interactions(
    table: InteractionTable,
    *,
    duplicates: Literal["drop", "refuse"],
    leaks: Literal["refuse", "drop"],
) -> Splits:
    """Split a table by its labels; what is removed or unusual is counted in the notes.

    Sizes are the number of known ids, else the largest position + 1 over all splits. Users of the
    held-out splits without a training row are removed from them; items without one are kept.

    Args:
        table: The interactions.
        duplicates: What to do with a pair that is repeated within a split.
        leaks: What to do with a pair that is in two splits; ``drop`` keeps it in the first of
            train, valid, test.

    Raises:
        DataError: Fewer than 2 users or items, duplicates or leaks where the policy is to refuse
            them, or a split without rows.
    """
    n_users, user_notes = _count_ids(table, table.users, len(table.user_ids), "user")
    n_items, item_notes = _count_ids(table, table.items, len(table.item_ids), "item")
    notes = [*user_notes, *item_notes]
    keep, notes_on_pairs = _distinct(table, n_items, duplicates, leaks)
    notes += notes_on_pairs
    trained = np.zeros(n_users, dtype=bool)
    trained[table.users[keep & (table.labels == 0)]] = True
    untrained = keep & ~trained[table.users]
    if untrained.any():
        notes.append(
            f"{len(np.unique(table.users[untrained])):,} users without a training interaction "
            f"were removed from valid and test ({untrained.sum():,} rows)"
        )
    keep &= trained[table.users]
    train, valid, test = (_part(table, keep, label) for label in range(len(SPLITS)))
    cold = n_items - len(np.unique(train.items))
    if cold:
        notes.append(f"{cold:,} of {n_items:,} items have no training interaction (cold, kept)")
    full = int((np.bincount(train.users) == n_items - cold).sum())
    if full:
        notes.append(
            f"{full:,} users have taken every training item: without a negative, their "
            "interactions are not trained on"
        )
    return Splits(n_users, n_items, train, valid, test, tuple(notes))


def _count_ids(
    table: InteractionTable, ids: np.ndarray, n_known: int, kind: str
) -> tuple[int, list[str]]:
    size, distinct = n_known or int(ids.max()) + 1, len(np.unique(ids))
    if distinct < 2:
        raise DataError(
            f"at least 2 {kind}s are needed", where=table.path, found=f"{distinct} {kind}"
        )
    gap = size - distinct
    return size, [f"{gap:,} of {size:,} {kind} ids occur in no split"] if gap else []


def _distinct(
    table: InteractionTable, n_items: int, duplicates: str, leaks: str
) -> tuple[np.ndarray, list[str]]:
    """Mask of the rows to keep: of equal pairs the first, train before valid before test."""
    pairs = table.users * n_items + table.items
    order = np.argsort(pairs * len(SPLITS) + table.labels, kind="stable")
    ordered = pairs[order]
    repeated = order[1:][ordered[1:] == ordered[:-1]]
    # The row whose copy a repeated one is: the first of its pair.
    first = order[np.searchsorted(ordered, pairs[repeated])]
    leaked = table.labels[repeated] != table.labels[first]
    notes: list[str] = []
    for rows, origins, policy, what in (
        (repeated[~leaked], first[~leaked], duplicates, "duplicate"),
        (repeated[leaked], first[leaked], leaks, "leaked"),
    ):
        if not len(rows):
            continue
        text = _describe_copies(table, rows, origins, what)
        if policy == "refuse":
            setting = "duplicates" if what == "duplicate" else "leaks"
            raise DataError(
                text,
                where=table.path,
                keys=(f"mmrec_dataset.{setting}",),
                hint=f"correct the file, or set mmrec_dataset.{setting} = 'drop'",
            )
        notes.append(f"{text}; dropped")
    keep = np.ones(len(pairs), dtype=bool)
    keep[repeated] = False
    return keep, notes


def _describe_copies(
    table: InteractionTable, rows: np.ndarray, origins: np.ndarray, what: str
) -> str:
    count = f"{len(rows):,} {what} interaction{'s' if len(rows) > 1 else ''}"
    if what == "leaked":
        labels = np.stack([table.labels[origins], table.labels[rows]])
        kinds, counts = np.unique(labels, axis=1, return_counts=True)
        each = [
            f"{n:,} of {SPLITS[first]} again in {SPLITS[again]}"
            for first, again, n in zip(*kinds, counts, strict=True)
        ]
        count += f" ({', '.join(each)})"
    shown = np.argsort(rows)[:3]
    lines = [f"{origins[i] + 2} and {rows[i] + 2}" for i in shown]
    return f"{count}: lines {', '.join(lines)}{', ...' if len(rows) > 3 else ''}"


def _part(table: InteractionTable, keep: np.ndarray, label: int) -> Interactions:
    rows = keep & (table.labels == label)
    if not rows.any():
        written = int((table.labels == label).sum())
        left = f"its {written:,} rows were all removed" if written else "no row has that label"
        what = f"the {SPLITS[label]} split (x_label {label}) is empty: {left}"
        raise DataError(what, where=table.path)
    return Interactions(table.users[rows], table.items[rows])
