"""What to show each user: the best items of a finished run that the user has not taken yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ccd.backbones.base import Representations
from ccd.datasets.dataset import Dataset, Interactions
from ccd.datasets.scale import computable
from ccd.errors import ConfigError
from ccd.evaluation.ranking import best_items
from ccd.finished.asking import TRAINED, Asked, Histories, Places, Unknown
from ccd.finished.diversity import CANDIDATES, Diversity
from ccd.finished.inspection import name_of
from ccd.finished.new_items import served
from ccd.finished.runs import FinishedRun, run_of
from ccd.finished.similar import item_vectors
from ccd.fold_in import fold_in
from ccd.graphs.lists import AdjacencyLists
from ccd.runs.folder import USER_IDS_FILE

if TYPE_CHECKING:
    from ccd.datasets.new_items import NewItems
    from ccd.runs.records import RunResult

BLOCK_USERS = 8192
"""Users whose lists are held at once where they are written one block after the other."""


@dataclass(frozen=True)
class Recommendations:
    """Lists of some users, best first.

    Attributes:
        result: The run that they are of.
        dataset: Its data set: what users and items are called.
        ids: Ids of the users ``[n]``.
        users: int64 positions of the users ``[n]``; -1 for whom the run does not know.
        made_from: What each list rests on ``[n]``: the user's own ``vector``, a ``history``, or
            ``popular`` items.
        trained: int64 training interactions of each user ``[n]``; with 0, a list that is not made
            from a history is not personal.
        items: int64 positions of the items ``[n, k]``; -1 where there are no others to list.
        scores: float32 dot products, training interactions of popular items ``[n, k]``; -inf where
            there is no item.
        keeps_seen: Whether what a user has taken is listed too.
    """

    result: RunResult
    dataset: Dataset
    ids: tuple[str, ...]
    users: np.ndarray
    made_from: np.ndarray
    trained: np.ndarray
    items: np.ndarray
    scores: np.ndarray
    keeps_seen: bool = False

    def __repr__(self) -> str:
        n, k = self.items.shape
        run = f"{self.result.variant}, seed {self.result.seed}"
        return f"<Recommendations of {run}: {n} x {k} (users x items)>"

    @property
    def n_cold(self) -> int:
        """Users of whom nothing is known, so that their lists are not personal."""
        return int(((self.trained == 0) & (self.made_from != "history")).sum())

    def records(self) -> Iterator[dict[str, Any]]:
        """Plain values of each user in turn, with ids as the data set's files have them."""
        names = self.dataset.item_names
        about = {
            "variant": self.result.variant,
            "seed": self.result.seed,
            "epoch": self.result.best_epoch,
            **({} if self.result.refit is None else {"refit": self.result.refit}),
        }
        for row, user in enumerate(self.ids):
            ranked = zip(self.items[row].tolist(), self.scores[row].tolist(), strict=True)
            yield {
                **about,
                "user": user,
                "train_interactions": int(self.trained[row]),
                "made_from": str(self.made_from[row]),
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
    history: Histories | None = None,
    items: Sequence[str | int] | None = None,
    exclude: Sequence[str | int] = (),
    exclude_for: Mapping[str, Sequence[str | int]] | None = None,
    keep_seen: bool = False,
    min_popularity: int = 0,
    unknown: Unknown = "refuse",
    diversity: float = 0.0,
    diversity_by: str = TRAINED,
    new_items: str | Path | NewItems | None = None,
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
        k: Length of the lists; shorter where there are no other items to list.
        history: Instead of users: ids of the items that somebody took whom the run does not know,
            or such a list for each of several persons, by their ids. They are served by the mean
            of the items' vectors; an id that the run knows, by that user's own vector.
        items: Ids of the only items that may be listed; None for all. Unknown ones change nothing.
        exclude: Ids of items not to list; unknown ones change nothing.
        exclude_for: By a user's id, ids of items not to list for them; unknown ones change nothing.
        keep_seen: List also what a user has taken.
        min_popularity: Fewest training interactions of an item that is listed.
        unknown: What users get of whom nothing is known: ``popular`` items, or a refusal.
        diversity: 0 lists the best items; towards 1, ever more those unlike the items above them,
            chosen among ten times as many by maximal marginal relevance.
        diversity_by: The space in which items are alike: ``trained``, ``aligned`` or a modality.
        new_items: Items that came after training, which are listed too: their features, a folder
            that ``ccd data import`` wrote, or one with a file of vectors for each modality.
        variant: Of a folder: which variant; by default the last.
        seed: Of a folder: which seed; by default the first.
        data_dir: Folder to look for the data set in first, before the one that the run remembers.
        allow_imports: Of a folder: Python modules with parts of your own; only needed where the
            data set is such a part.

    Returns:
        Lists in the order of ``users``, each named once.

    Raises:
        ConfigError: An id is unknown, no user is named, a value is none that it may have, no item
            may be listed, or an opened run is given together with an argument that is for folders.
        DataError: The data set is not there, or has other content than the run was trained on.
        DamagedFileError: The saved model cannot be read.
    """
    asked = Asked(
        users=users,
        history=history,
        k=k,
        items=items,
        exclude=exclude,
        exclude_for=exclude_for or {},
        keep_seen=keep_seen,
        min_popularity=min_popularity,
        unknown=unknown,
        diversity=diversity,
        diversity_by=diversity_by,
    )
    opened = run_of(run, variant, seed, allow_imports)
    blocks = list(RecommendedBlocks(opened, asked, data_dir, new_items))
    first = blocks[0]
    return Recommendations(
        first.result,
        first.dataset,
        tuple(name for block in blocks for name in block.ids),
        np.concatenate([block.users for block in blocks]),
        np.concatenate([block.made_from for block in blocks]),
        np.concatenate([block.trained for block in blocks]),
        np.concatenate([block.items for block in blocks]),
        np.concatenate([block.scores for block in blocks]),
        keep_seen,
    )


class RecommendedBlocks:
    """The lists of ``recommend``, a block of users after the other; at least one block.

    Memory is for one block, however many users there are. What cannot be served is refused at
    once, before the first block.

    Args:
        run: A finished run.
        asked: For whom to list what.
        data_dir: Folder to look for the data set in first, before the one that the run remembers.
        new_items: Items that came after training, which are listed too, or the folder that has
            their features.
    """

    def __init__(
        self,
        run: FinishedRun,
        asked: Asked,
        data_dir: str | Path | None = None,
        new_items: str | Path | NewItems | None = None,
    ) -> None:
        self._run = run
        dataset, self._model = served(run, data_dir, new_items)
        self._dataset = dataset
        self._k = min(asked.k, dataset.n_items)
        self._hidden = torch.from_numpy(asked.hidden(dataset))
        self._keep_seen = asked.keep_seen
        self._trained = dataset.train_per_user
        counts = dataset.train_per_item
        self._popularity = torch.from_numpy(counts[:, None]).float()
        items = Places(dataset.item_ids, dataset.n_items)
        histories = {user: items.known(taken) for user, taken in asked.histories.items()}
        self._names: list[str] | None = None
        if asked.users is not None or histories:
            self._names = list(dict.fromkeys(map(str, asked.users or histories)))
        self.users = self._positions(asked)
        """int64 positions of the users asked for; -1 for whom the run does not know."""
        self._histories = [histories.get(name, _NOTHING) for name in self._names or ()]
        self._excluded = {user: items.known(named) for user, named in asked.exclude_for.items()}
        if asked.unknown == "refuse":
            self._refuse_strangers(asked)
        if any(map(len, self._histories)):
            self._refuse_no_fold_in()
        self._taken = self._hidden_for_known()
        self._diversity, self._candidates = None, self._k
        if asked.diversity > 0:
            vectors = item_vectors(
                run, dataset, asked.diversity_by, self._model.items, option="--diversity-by"
            )
            self._diversity = Diversity(torch.from_numpy(computable(vectors)), asked.diversity)
            self._candidates = min(self._k * CANDIDATES, dataset.n_items)

    def __iter__(self) -> Iterator[Recommendations]:
        for start in range(0, len(self.users), BLOCK_USERS):
            yield self._block(slice(start, start + BLOCK_USERS))

    def _block(self, part: slice) -> Recommendations:
        """The lists of some of the users."""
        users = self.users[part]
        n = len(users)
        has_history = np.zeros(n, dtype=bool)
        if self._names is not None:
            has_history[:] = [len(taken) > 0 for taken in self._histories[part]]
        made_from = np.where(users >= 0, "vector", np.where(has_history, "history", "popular"))
        ids = self._names[part] if self._names is not None else self._ids(users)
        items = np.full((n, self._k), -1, dtype=np.int64)
        scores = np.full((n, self._k), -np.inf, dtype=np.float32)
        for source in np.unique(made_from):
            rows = np.flatnonzero(made_from == source)
            at = 0
            for _, best, values in self._best(source, rows + (part.start or 0)):
                to = rows[at : at + len(best)]
                if self._diversity is not None:
                    best, values = self._diversity.choose(best, values, self._k)
                items[to], scores[to] = best.numpy(), values.numpy()
                at += len(best)
        known = np.maximum(users, 0)
        return Recommendations(
            self._run.result,
            self._dataset,
            tuple(ids),
            users,
            made_from,
            np.where(users >= 0, self._trained[known], 0),
            items,
            scores,
            self._keep_seen,
        )

    def _ids(self, users: np.ndarray) -> list[str]:
        return [name_of(user, self._dataset.user_ids) for user in users.tolist()]

    def _best(self, source: str, rows: np.ndarray) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """The best items of the users at ``rows`` of all, who are served from one source."""
        if source == "vector":
            users = torch.from_numpy(self.users[rows])
            return best_items(
                self._model, users, self._taken, self._candidates, hidden=self._hidden
            )
        assert self._names is not None, "the data set's own users have vectors"
        hidden = [self._excluded.get(self._names[row], _NOTHING) for row in rows]
        if source == "popular":
            model = Representations(torch.ones(len(rows), 1), self._popularity)
        else:
            histories = [self._histories[row] for row in rows]
            model = Representations(self._folded(histories), self._model.items)
            if not self._keep_seen:
                hidden = [np.concatenate(pair) for pair in zip(hidden, histories, strict=True)]
        every, seen = torch.arange(len(rows)), self._lists(*_flat(hidden), len(rows))
        return best_items(model, every, seen, self._candidates, hidden=self._hidden)

    def _folded(self, histories: list[np.ndarray]) -> Tensor:
        """The vectors of strangers with these histories ``[n, dim]``."""
        if self._model.items.is_sparse:  # a table of neighbours: a user is the row of their items
            owners, taken = _flat(histories)
            places = torch.from_numpy(np.stack([owners, taken]))
            shape = (len(histories), self._dataset.n_items)
            ones = torch.ones(len(taken))
            return torch.sparse_coo_tensor(places, ones, shape, check_invariants=False).coalesce()
        items = self._model.items.numpy()
        return torch.from_numpy(np.stack([fold_in(items[history]) for history in histories]))

    def _hidden_for_known(self) -> AdjacencyLists:
        """What known users' lists may not have: what they took, and what is excluded for them.

        They took what they have in any split, and what a history names that is given for them.
        """
        dataset = self._dataset
        parts = []
        if not self._keep_seen:
            parts.append(dataset.every)
            named = [(u, h) for u, h in zip(self.users, self._histories, strict=False) if u >= 0]
            parts += [Interactions(np.full(len(h), u), h) for u, h in named]
        if self._excluded:
            places = Places(dataset.user_ids, dataset.n_users)
            known = [(places.get(name), x) for name, x in self._excluded.items()]
            parts += [Interactions(np.full(len(x), user), x) for user, x in known if user >= 0]
        if len(parts) == 1:  # of a million users, a copy is large
            return self._lists(parts[0].users, parts[0].items, dataset.n_users)
        return self._lists(
            np.concatenate([_NOTHING, *(part.users for part in parts)]),
            np.concatenate([_NOTHING, *(part.items for part in parts)]),
            dataset.n_users,
        )

    def _lists(self, users: np.ndarray, items: np.ndarray, n_users: int) -> AdjacencyLists:
        return AdjacencyLists(torch.from_numpy(users), torch.from_numpy(items), n_users)

    def _positions(self, asked: Asked) -> np.ndarray:
        dataset = self._dataset
        if self._names is None:
            return np.arange(dataset.n_users)
        if asked.of_stranger:
            return np.array([-1])
        places = Places(dataset.user_ids, dataset.n_users)
        return np.array([places.get(name) for name in self._names], dtype=np.int64)

    def _refuse_strangers(self, asked: Asked) -> None:
        """Refuse users of whom nothing is known."""
        for row in np.flatnonzero(self.users < 0):
            assert self._names is not None, "the data set's own users are known"
            name = self._names[row]
            if len(self._histories[row]):
                continue
            if asked.history is not None:
                raise ConfigError(
                    f"no item in the history of '{name}' is known",
                    keys=("--history",),
                    hint="give ids of items that the run was trained on, or ask for popular items "
                    "with --unknown popular",
                )
            places = Places(self._dataset.user_ids, self._dataset.n_users)
            file = str(self._run.folder.parent / USER_IDS_FILE)
            raise ConfigError(
                f"no user '{name}' in data set '{self._dataset.name}'",
                keys=("--user",),
                hint=places.hint(name, file, "the userID of its interactions"),
            )

    def _refuse_no_fold_in(self) -> None:
        """Refuse histories where users are neither vectors nor rows of their interactions."""
        users = self._model.users
        if not users.is_sparse:
            return
        users = users.coalesce()
        train = len(self._dataset.train)
        if len(users.values()) != train or not bool((users.values() == 1).all()):
            raise ConfigError(
                f"'{self._run.result.variant}' has lists of its users and no vectors, so it "
                "cannot serve a history",
                keys=("--history",),
                hint="choose another --variant",
            )


_NOTHING = np.zeros(0, dtype=np.int64)


def _flat(lists: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The members of all lists, and before them the position of the list of each."""
    owners = np.arange(len(lists)).repeat([len(members) for members in lists])
    return owners, np.concatenate([_NOTHING, *lists])
