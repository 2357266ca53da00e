"""Items that came after training: a data set with them, as the model that was trained sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ccd.datasets.dataset import Dataset
from ccd.errors import DataError


@dataclass(frozen=True)
class NewItems:
    """Items of which only features are known.

    Attributes:
        ids: Distinct ids ``[m]``.
        features: Modality to vectors ``[m, dim]``; an all-zero row is an item without it.
        names: What they are called ``[m]``; empty where that is not known.
        purchasable: Whether each can be had, bool ``[m]``; None where all can.
        origin: Where they are from, for messages; None where that is no file.
    """

    ids: Sequence[str]
    features: Mapping[str, np.ndarray]
    names: Sequence[str] = ()
    purchasable: np.ndarray | None = None
    origin: Path | None = None


def extended(dataset: Dataset, new: NewItems) -> Dataset:
    """The data set with the new items behind its own; those that it knows already are left out.

    Raises:
        DataError: No item is new, or the modalities are not those of the data set.
    """
    known = set(dataset.item_ids or map(str, range(dataset.n_items)))
    rows = [row for row, name in enumerate(new.ids) if name not in known]
    if not rows:
        raise DataError(
            f"every item is in data set '{dataset.name}' already",
            where=new.origin,
            found=f"{len(new.ids):,} items",
            hint="name a folder with features of other items",
        )
    features = {}
    for modality, old in dataset.features.items():
        wanted = f"{modality} vectors of {old.shape[1]:,} numbers"
        vectors = new.features.get(modality)
        if vectors is None or vectors.shape[1] != old.shape[1]:
            has = ", ".join(f"{name} of {x.shape[1]:,}" for name, x in new.features.items())
            raise DataError(
                f"the model was trained on {wanted}, which the new items lack",
                where=new.origin,
                found=has or "no features",
                hint="make the features of new items as those of the others were made",
            )
        features[modality] = np.concatenate([old, vectors[rows].astype(old.dtype)])
        features[modality].flags.writeable = False
    n_items = dataset.n_items + len(rows)
    old_ids = dataset.item_ids or tuple(map(str, range(dataset.n_items)))
    named = [new.names[row] if new.names else "" for row in rows]
    return replace(
        dataset,
        n_items=n_items,
        purchasable=_purchasable(dataset, new, rows),
        n_new_items=len(rows),
        features=features,
        item_ids=(*old_ids, *(new.ids[row] for row in rows)),
        item_names=(*dataset.item_names, *named) if dataset.item_names else (),
    )


def _purchasable(dataset: Dataset, new: NewItems, rows: list[int]) -> np.ndarray | None:
    """Whether each item can be had, the data set's own first; one of which nothing is said can."""
    if dataset.purchasable is None and new.purchasable is None:
        return None
    own, later = dataset.purchasable, new.purchasable
    return np.concatenate(
        [
            np.ones(dataset.n_items, dtype=bool) if own is None else own,
            np.ones(len(rows), dtype=bool) if later is None else later[rows],
        ]
    )
