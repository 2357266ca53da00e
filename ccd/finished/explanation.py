"""Where the score of an item for a user comes from, and what it would be without a modality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ccd.backbones.base import Representations
from ccd.errors import ConfigError
from ccd.evaluation.item_ranks import item_ranks
from ccd.finished.inspection import index_of, name_of
from ccd.finished.new_items import model_with_new_items, served
from ccd.finished.runs import FinishedRun, run_of
from ccd.finished.similar import SimilarItems, cosines_to, item_place
from ccd.finished.without import without_each

if TYPE_CHECKING:
    from ccd.datasets.dataset import Dataset
    from ccd.datasets.new_items import NewItems
    from ccd.training.recommender import Recommender

_NEAREST = 5
"""Items of the user's own that are shown."""


class Standing(NamedTuple):
    """An item's score for a user, and its rank, from 1, among what the user's list may have.

    The item itself counts, even where the user has it.
    """

    score: float
    rank: int


@dataclass(frozen=True)
class Explanation:
    """Why an item has its score for a user.

    Attributes:
        user: Id of the user.
        score: Dot product of the saved representations.
        rank: The item's place, from 1, among all items that the user's list may have: those that
            the user has not taken, and the item itself.
        paths: Part of the score by what it comes from, adding up to it; None where the backbone
            does not split.
        without: Modality to the score and rank that the same trained model gives where no item has
            it: empty where the model reads no features, None where it cannot be built again as it
            was tested.
        history: The user's own training items that are nearest to the item, nearest first.
    """

    user: str
    score: float
    rank: int
    paths: dict[str, float] | None
    without: dict[str, Standing] | None
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
            "rank": self.rank,
            "paths": self.paths,
            "without": self.without and {name: x._asdict() for name, x in self.without.items()},
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
    with these. The user's vector is taken as it is, whatever it was made from. Without a modality,
    the vectors of users change too, where they are made from features.

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
    dataset, tested = served(opened, data_dir, new_items)
    users, items, _ = tested
    owner = index_of(str(user), dataset.user_ids, dataset.n_users)
    place = item_place(opened, dataset, str(item))
    if items.is_sparse:
        raise ConfigError(
            f"'{opened.result.variant}' has no vectors, so there is nothing to explain",
            keys=("--variant",),
            hint="choose another --variant",
        )
    vector = users[owner]
    if dataset.n_new_items:
        model = model_with_new_items(opened, opened.dataset(data_dir), dataset)
    else:
        model = opened.rebuild(dataset)
    parts = model.paths()
    paths = None
    if parts is not None:
        paths = {name: float(vector @ part[place]) for name, part in parts.items()}
    listed = _listed(dataset, owner, place)
    without = None
    if _gives(model, tested):
        without = {
            name: _standing(found, owner, place, listed)
            for name, found in without_each(opened, model, dataset)
        }
    score, rank = _standing(tested, owner, place, listed)
    near = _nearest_own(opened, dataset, items.numpy(), owner, place)
    return Explanation(str(user), score, rank, paths, without, near)


def _listed(dataset: Dataset, owner: int, place: int) -> Tensor:
    """Which items the user's list may have, and the item in question; bool ``[n_items]``."""
    every, listed = dataset.every, np.ones(dataset.n_items, dtype=bool)
    if dataset.purchasable is not None:
        listed &= dataset.purchasable
    listed[every.items[every.users == owner]] = False
    listed[place] = True
    return torch.from_numpy(listed)


def _standing(model: Representations, owner: int, place: int, listed: Tensor) -> Standing:
    scores = (model.items @ model.users[owner]).where(listed, -torch.inf)
    row, item = torch.zeros(1, dtype=torch.int64), torch.tensor([place])
    rank = item_ranks(scores[None], row, item, len(scores))
    return Standing(float(scores[place]), int(rank) + 1)


def _gives(model: Recommender, tested: Representations) -> bool:
    """Whether the rebuilt model gives what was tested, so that a difference means something."""
    found = model.infer()
    pairs = ((found.users, tested.users), (found.items, tested.items))
    return all(torch.allclose(now, then, rtol=1e-3, atol=1e-5) for now, then in pairs)


def _nearest_own(
    run: FinishedRun, dataset: Dataset, items: np.ndarray, owner: int, place: int
) -> SimilarItems:
    own = np.unique(dataset.train.items[dataset.train.users == owner])
    own = own[own != place]
    cosines = cosines_to(items[np.append(own, place)], len(own))[:-1]
    order = np.argsort(-cosines, kind="stable")[:_NEAREST]
    return SimilarItems(run.result, dataset, place, "trained", own[order], cosines[order])
