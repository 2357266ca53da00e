"""What to show each user: the best items of a finished run that the user has not taken yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ccd.arguments import as_path, as_tuple
from ccd.errors import ConfigError
from ccd.evaluation.ranking import best_items
from ccd.finished.inspection import name_of
from ccd.finished.runs import FinishedRun, choose_run
from ccd.graphs.items_by_user import ItemsByUser
from ccd.runs.folder import USER_IDS_FILE
from ccd.suggestions import closest

if TYPE_CHECKING:
    from ccd.datasets.dataset import Dataset
    from ccd.runs.records import RunResult


@dataclass(frozen=True)
class Recommendations:
    """Lists of some users, best first.

    Attributes:
        result: The run that they are of.
        dataset: Its data set: what users and items are called.
        users: int64 positions of the users ``[n]``.
        trained: int64 training interactions of each user ``[n]``; with 0 the list is not personal.
        items: int64 positions of the items ``[n, k]``; -1 where the user has taken all others.
        scores: float32 dot products ``[n, k]``; -inf where there is no item.
    """

    result: RunResult
    dataset: Dataset
    users: np.ndarray
    trained: np.ndarray
    items: np.ndarray
    scores: np.ndarray

    def __repr__(self) -> str:
        n, k = self.items.shape
        run = f"{self.result.variant}, seed {self.result.seed}"
        return f"<Recommendations of {run}: {n} x {k} (users x items)>"

    @property
    def n_cold(self) -> int:
        """Users without a training interaction."""
        return int((self.trained == 0).sum())

    def records(self) -> Iterator[dict[str, Any]]:
        """Plain values of each user in turn, with ids as the data set's files have them."""
        names = self.dataset.item_names
        about = {
            "variant": self.result.variant,
            "seed": self.result.seed,
            "epoch": self.result.best_epoch,
        }
        for row, user in enumerate(self.users.tolist()):
            ranked = zip(self.items[row].tolist(), self.scores[row].tolist(), strict=True)
            yield {
                **about,
                "user": name_of(user, self.dataset.user_ids),
                "train_interactions": int(self.trained[row]),
                "items": [
                    {
                        "rank": rank,
                        "item": name_of(item, self.dataset.item_ids),
                        **({"name": names[item]} if names else {}),
                        "score": score,
                    }
                    for rank, (item, score) in enumerate(ranked, start=1)
                    if item >= 0
                ],
            }


def recommend(
    run: FinishedRun | str | Path,
    users: Sequence[str | int] | None = None,
    k: int = 10,
    *,
    variant: str | None = None,
    seed: int | None = None,
    data_dir: str | Path | None = None,
    allow_imports: Sequence[str] = (),
) -> Recommendations:
    """The k best items of each user by the run's saved representations, at its best epoch.

    The score is the dot product. What the user has in the data set is left out: the interactions
    of train, validation and test alike. Users are scored in blocks, so that memory is for
    ``[n, k]`` results, never for users x items.

    Args:
        run: A run folder, a run's own folder, or a run that ``ccd.load_run(folder).run()`` opened.
        users: Ids as the data set's files have them; None for all users.
        k: Length of the lists; shorter where the user has taken nearly all items.
        variant: Of a folder: which variant; by default the last.
        seed: Of a folder: which seed; by default the first.
        data_dir: Folder to look for the data set in first, before the one that the run remembers.
        allow_imports: Of a folder: Python modules with parts of your own; only needed where the
            data set is such a part.

    Returns:
        Lists in the order of ``users``, each named once.

    Raises:
        ConfigError: An id is unknown, no user is named, ``k`` is not a positive whole number, or
            an opened run is given together with an argument that is for folders.
        DataError: The data set is not there, or has other content than the run was trained on.
        DamagedFileError: The saved model cannot be read.
    """
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        what = "k must be at least 1 item for each user, in whole numbers"
        raise ConfigError(what, keys=("k",), found=repr(k))
    wanted = None if users is None else as_tuple("users", users)
    if wanted == ():
        raise ConfigError("users names no user", keys=("users",), hint="leave it out for all users")
    if isinstance(run, FinishedRun):
        _refuse_choice(variant=variant, seed=seed, allow_imports=allow_imports or None)
    else:
        run = choose_run(as_path(run), variant, seed, as_tuple("allow_imports", allow_imports))
    dataset = run.dataset(None if data_dir is None else as_path(data_dir))
    if wanted is None:
        rows = torch.arange(dataset.n_users)
    else:
        rows = torch.tensor(_positions(wanted, dataset, run), dtype=torch.int64)
    blocks = best_items(run.representations, rows, _taken(dataset), min(k, dataset.n_items))
    _, items, scores = (torch.cat(parts).numpy() for parts in zip(*blocks, strict=True))
    per_user = np.bincount(dataset.train.users, minlength=dataset.n_users)
    left = np.where(np.isneginf(scores), -1, items)
    return Recommendations(run.result, dataset, rows.numpy(), per_user[rows.numpy()], left, scores)


def _refuse_choice(**choices: Any) -> None:
    """Refuse arguments that choose a run of a folder where one is opened already."""
    given = [name for name, value in choices.items() if value is not None]
    if given:
        raise ConfigError(
            f"an opened run has no use for {', '.join(given)}",
            keys=given,
            hint="leave it out, or name the run folder instead of the run",
        )


def _taken(dataset: Dataset) -> ItemsByUser:
    """What each user has in any split."""
    splits = (dataset.train, dataset.valid, dataset.test)
    users = torch.from_numpy(np.concatenate([split.users for split in splits]))
    items = torch.from_numpy(np.concatenate([split.items for split in splits]))
    return ItemsByUser(users, items, dataset.n_users, dataset.n_items)


def _positions(users: Sequence[str | int], dataset: Dataset, run: FinishedRun) -> list[int]:
    """The positions of the users with these ids, each once."""
    ids = dataset.user_ids
    place = {name_of(position, ids): position for position in range(dataset.n_users)}
    wanted = list(dict.fromkeys(map(str, users)))
    for user in wanted:
        if user not in place:
            near = closest(user, ids)
            guess = f"did you mean {near}? " if near else ""
            hint = f"its ids are 0 to {dataset.n_users - 1}, the userID of its interactions"
            if ids:
                hint = f"{guess}all ids are in {run.folder.parent / USER_IDS_FILE}, one a line"
            what = f"no user '{user}' in data set '{dataset.name}'"
            raise ConfigError(what, keys=("--user",), hint=hint)
    return [place[user] for user in wanted]
