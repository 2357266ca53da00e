"""What ``ccd data check`` looks at: everything that can be known of data without training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ccd.checks import Check
from ccd.datasets.alignment import SUSPICIOUS_Z, alignment_z
from ccd.datasets.dataset import Dataset
from ccd.datasets.features import scan_features
from ccd.errors import CcdError
from ccd.importing.events import NO_TIME
from ccd.importing.stored import Stored, open_import

_MANY = 0.2
"""Share of users, items or rows from which on a finding is a warning."""


def check_data(load: Callable[[], Dataset], folder: Path | None) -> Iterator[Check]:
    """All checks of a data set, in the order they are shown.

    Args:
        load: Reads the data set.
        folder: Its folder, where it was imported.
    """
    stored = open_import(folder) if folder is not None else None
    if stored is not None:
        yield _check_files(stored)
    try:
        dataset = load()
    except CcdError as error:
        yield Check("data set", "problem", str(error))
        return
    yield Check(
        "data set",
        "ok",
        f"{dataset.n_users:,} users, {dataset.n_items:,} items, {dataset.n_interactions:,} "
        "interactions; no pair is in two splits, every held-out user has training interactions",
    )
    for note in dataset.notes:
        yield Check("note", "ok", note)
    yield from _check_sizes(dataset)
    if stored is not None:
        yield from _check_times(stored)
        yield from _check_cold(stored, dataset)
    if not dataset.features:
        yield Check("features", "warning", "there are none: only BPR-MF and LightGCN can train",
                    "import with --features or --encode")  # fmt: skip
    for modality in dataset.features:
        yield _check_rows(dataset, modality)
        yield _check_alignment(dataset, modality)


def _check_files(stored: Stored) -> Check:
    changed = stored.changed
    if not changed:
        return Check("files", "ok", "all are as they were imported")
    return Check("files", "problem", ", ".join(changed), "import the data set again")


def _check_sizes(dataset: Dataset) -> Iterator[Check]:
    """Held-out parts large enough to measure on, and users and items with enough to learn from."""
    for name, part in (("valid", dataset.valid), ("test", dataset.test)):
        n = len(np.unique(part.users))
        status, advice = "ok", ""
        if n < 500:
            status, advice = "warning", "differences of a few percent cannot be told apart"
        yield Check(name, status, f"{len(part):,} interactions of {n:,} users", advice)  # type: ignore[arg-type]
    per_item = dataset.train_per_item
    cold = int((per_item == 0).sum())
    share = cold / dataset.n_items
    yield Check(
        "cold items",
        "warning" if share > _MANY else "ok",
        f"{cold:,} of {dataset.n_items:,} items have no training interaction ({share:.1%})",
        "import with a higher --item-core" if share > _MANY else "",
    )
    top = np.sort(per_item)[::-1][: max(1, dataset.n_items // 100)].sum() / per_item.sum()
    yield Check("popularity", "ok", f"the top 1% of items have {top:.1%} of training interactions")


def _check_times(stored: Stored) -> Iterator[Check]:
    """How much of what a user is trained on comes after what is tested."""
    events = stored.events()
    if events.times is None or events.labels is None or (events.times == NO_TIME).any():
        return
    test = events.labels == 2
    first = np.full(len(events.user_ids), np.iinfo(np.int64).max)
    np.minimum.at(first, events.users[test], events.times[test])
    late = (events.labels == 0) & (events.times > first[events.users])
    share = late.sum() / max((events.labels == 0).sum(), 1)
    yield Check(
        "time",
        "ok",
        f"{share:.1%} of training interactions are later than a test interaction of the same user"
        + ("" if share == 0 else "; a split by time has none"),
    )


def _check_cold(stored: Stored, dataset: Dataset) -> Iterator[Check]:
    """Whether items that a split has kept out of training are not in it."""
    marked = stored.cold()
    if not marked.any():
        return
    trained = int((marked & (dataset.train_per_item > 0)).sum())
    name = "cold split"
    if trained:
        found = f"{trained:,} of {marked.sum():,} items kept out of training are in it"
        yield Check(name, "problem", found, "split the data set again")
    else:
        yield Check(name, "ok", f"{marked.sum():,} items were kept out of training, and none is")


def _check_rows(dataset: Dataset, modality: str) -> Check:
    scan = scan_features(dataset.features[modality])
    n = dataset.n_items
    found = (
        f"{scan.zero:,} of {n:,} items have none, {scan.repeated:,} share their vector, "
        f"{scan.constant:,} columns are constant"
    )
    if max(scan.zero, scan.repeated) > _MANY * n:
        return Check(f"{modality} rows", "warning", found, "look at the source of these features")
    return Check(f"{modality} rows", "ok", found)


def _check_alignment(dataset: Dataset, modality: str) -> Check:
    z = alignment_z(dataset.features[modality], dataset.train_matrix)
    name = f"{modality} alignment"
    if z is None:
        return Check(name, "ok", "too few items to say")
    found = f"similar items are taken together (z = {z:.1f})"
    if z >= SUSPICIOUS_Z:
        return Check(name, "ok", found)
    return Check(
        name,
        "warning",
        f"similar items are not taken together more often than by chance (z = {z:.1f})",
        "check that each row belongs to its id",
    )
