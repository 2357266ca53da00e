"""Where the score of an item for a user comes from: its parts by path, and the user's own items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ccd.errors import ConfigError
from ccd.finished.inspection import index_of, name_of
from ccd.finished.new_items import model_with_new_items, served
from ccd.finished.runs import FinishedRun, run_of
from ccd.finished.similar import SimilarItems, cosines_to, item_place

if TYPE_CHECKING:
    from ccd.datasets.dataset import Dataset
    from ccd.datasets.new_items import NewItems

_NEAREST = 5
"""Items of the user's own that are shown."""


@dataclass(frozen=True)
class Explanation:
    """Why an item has its score for a user.

    Attributes:
        user: Id of the user.
        score: Dot product of the saved representations.
        paths: Part of the score by what it comes from, adding up to it; None where the backbone
            does not split.
        history: The user's own training items that are nearest to the item, nearest first.
    """

    user: str
    score: float
    paths: dict[str, float] | None
    history: SimilarItems

    def to_json(self) -> dict[str, Any]:
        """Plain values, with ids as the data set's files have them."""
        near = self.history
        return {
            "variant": near.result.variant,
            "seed": near.result.seed,
            "user": self.user,
            "item": name_of(near.item, near.dataset.item_ids),
            "score": self.score,
            "paths": self.paths,
            "history": list(near.records()),
        }


def explain(
    run: FinishedRun | str | Path,
    user: str | int,
    item: str | int,
    *,
    variant: str | None = None,
    seed: int | None = None,
    data_dir: str | Path | None = None,
    new_items: str | Path | NewItems | None = None,
    allow_imports: Sequence[str] = (),
) -> Explanation:
    """Where the score of an item for a user comes from.

    The item's vector is the sum of its paths, so the score is the sum of the user's dot products
    with these. The user's vector is taken as it is, whatever it was made from.

    Args:
        run: A run folder, a run's own folder, or a run that ``ccd.load_run(folder).run()`` opened.
        user: Its id as the data set's files have it.
        item: The same of the item.
        variant: Of a folder: which variant; by default the last.
        seed: Of a folder: which seed; by default the first.
        data_dir: Folder to look for the data set in first, before the one that the run remembers.
        new_items: Items that came after training, by their features: a folder or ``NewItems``.
        allow_imports: Of a folder: Python modules with parts of your own that the model has.

    Raises:
        ConfigError: There is no such user, item or run, or the run has no vectors.
        DataError: The data set is not there, or has other content than the run was trained on.
        DamagedFileError: The saved model cannot be read.
    """
    opened = run_of(run, variant, seed, allow_imports)
    dataset, (users, items, _) = served(opened, data_dir, new_items)
    owner = index_of(str(user), dataset.user_ids, dataset.n_users)
    place = item_place(opened, dataset, str(item))
    if items.is_sparse:
        raise ConfigError(
            f"'{opened.result.variant}' has no vectors, so there is nothing to explain",
            keys=("--variant",),
            hint="choose another --variant",
        )
    vector = users[owner]
    trained = opened.dataset(data_dir)
    if place < trained.n_items:
        model = opened.rebuild(trained)
    else:
        model = model_with_new_items(opened, trained, dataset)
    parts = model.paths()
    paths = None
    if parts is not None:
        paths = {name: float(vector @ part[place]) for name, part in parts.items()}
    near = _nearest_own(opened, dataset, items.numpy(), owner, place)
    return Explanation(str(user), float(vector @ items[place]), paths, near)


def _nearest_own(
    run: FinishedRun, dataset: Dataset, items: np.ndarray, owner: int, place: int
) -> SimilarItems:
    own = np.unique(dataset.train.items[dataset.train.users == owner])
    own = own[own != place]
    cosines = cosines_to(items[np.append(own, place)], len(own))[:-1]
    order = np.argsort(-cosines, kind="stable")[:_NEAREST]
    return SimilarItems(run.result, dataset, place, "trained", own[order], cosines[order])
