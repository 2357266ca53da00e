"""What may be asked of ``ccd recommend``: for whom, which items, and what of strangers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from ccd.arguments import as_proper_fraction, as_tuple, as_whole
from ccd.datasets.dataset import Dataset
from ccd.errors import ConfigError
from ccd.suggestions import closest

Unknown = Literal["refuse", "popular"]
Histories = Sequence[str | int] | Mapping[str, Sequence[str | int]]
TRAINED = "trained"
"""The space of a run's item vectors."""
STRANGER = "history"
"""What the one person is called whose history is given without an id."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """For whom to list what. All ids are those of the data set's files.

    Attributes:
        users: Ids of users; None for all, or for those of ``history``.
        history: Ids of the items that one person took whom the run does not know, or such a list
            for each of several persons, by their ids.
        k: Length of the lists.
        items: Ids of the only items that may be listed; None for all. Unknown ones change nothing.
        exclude: Ids of items not to list; unknown ones change nothing.
        exclude_for: By a person's id, ids of items not to list for them; unknown ones change
            nothing.
        keep_seen: List also what a person has taken.
        min_popularity: Fewest training interactions of an item that is listed.
        unknown: What users get of whom nothing is known: ``popular`` items, or a refusal.
        diversity: 0 lists the best items; towards 1, ever more those unlike the items above them.
        diversity_by: The space in which items are alike, as ``similar`` names it.

    Raises:
        ConfigError: A value is none that it may have.
    """

    users: Sequence[str | int] | None = None
    history: Histories | None = None
    k: int = 10
    items: Sequence[str | int] | None = None
    exclude: Sequence[str | int] = ()
    exclude_for: Mapping[str, Sequence[str | int]] = field(default_factory=dict)
    keep_seen: bool = False
    min_popularity: int = 0
    unknown: Unknown = "refuse"
    diversity: float = 0.0
    diversity_by: str = TRAINED

    def __post_init__(self) -> None:
        as_whole("k", self.k, least=1)
        as_whole("min_popularity", self.min_popularity)
        for name in ("users", "items", "exclude"):
            given = getattr(self, name)
            if given is not None:
                object.__setattr__(self, name, _ids(name, given))
        if self.unknown not in get_args(Unknown):
            words = " or ".join(map(repr, get_args(Unknown)))
            raise ConfigError(
                f"unknown must be {words}", keys=("unknown",), found=repr(self.unknown)
            )
        as_proper_fraction("diversity", self.diversity)
        if not isinstance(self.exclude_for, Mapping):
            raise ConfigError(
                "exclude_for maps a user to items",
                keys=("exclude_for",),
                found=repr(self.exclude_for),
                hint="items that nobody's list may have are given as exclude",
            )
        apart = {str(user): _ids("exclude_for", x) for user, x in self.exclude_for.items()}
        object.__setattr__(self, "exclude_for", apart)
        if apart and self.of_stranger:
            raise ConfigError(
                "a list of items by user needs the users' ids, and this history is nobody's",
                keys=("exclude_for", "history"),
                hint="name items that are not to be listed with exclude",
            )
        if self.users == ():
            raise ConfigError(
                "users names no user", keys=("users",), hint="leave it out for all users"
            )
        if self.users is not None and self.history is not None:
            raise ConfigError(
                "a history is given instead of users",
                keys=("users", "history"),
                hint="leave out users; histories of several people are given by their ids",
            )

    @property
    def of_stranger(self) -> bool:
        """Whether one person's history is given, without an id."""
        return self.history is not None and not isinstance(self.history, Mapping)

    @property
    def histories(self) -> dict[str, tuple[str, ...]]:
        """The ids of the items that each person took, by the person's id.

        Raises:
            ConfigError: There is nobody, or a history is no list.
        """
        if self.history is None:
            return {}
        if not isinstance(self.history, Mapping):
            return {STRANGER: _ids("history", self.history)}
        if not self.history:
            raise ConfigError("history names nobody", keys=("history",))
        return {str(user): _ids("history", items) for user, items in self.history.items()}

    def hidden(self, dataset: Dataset) -> np.ndarray:
        """int64 positions of the items that nobody's list may have ``[m]``.

        Items that cannot be had are listed only where ``items`` names them.

        Raises:
            ConfigError: No item is left.
        """
        popularity = dataset.train_per_item
        shown = popularity >= self.min_popularity
        places = Places(dataset.item_ids, dataset.n_items)
        if self.items is None and dataset.purchasable is not None:
            shown &= dataset.purchasable
        if self.items is not None:
            among = np.zeros(dataset.n_items, dtype=bool)
            among[places.known(self.items)] = True
            shown &= among
        shown[places.known(self.exclude)] = False
        if not shown.any():
            raise ConfigError(
                f"no item of data set '{dataset.name}' may be listed",
                keys=("items", "exclude", "min_popularity"),
                hint="ids are those of the data set's files, as in item_ids.txt of the run folder",
            )
        return np.flatnonzero(~shown)


class Places:
    """Positions of ids, those of the data set's files.

    Args:
        ids: The id of each position; empty where the position is the id.
        n: How many there are.
    """

    def __init__(self, ids: Sequence[str], n: int) -> None:
        self._of = {name: place for place, name in enumerate(ids or map(str, range(n)))}
        self._ids, self._n = ids, n

    def get(self, name: str) -> int:
        """The position of an id; -1 where it is unknown."""
        return self._of.get(name, -1)

    def known(self, names: Sequence[str | int]) -> np.ndarray:
        """int64 positions of those ids that are known, each once, ascending."""
        return np.unique(
            np.array([self._of[x] for x in map(str, names) if x in self._of], dtype=np.int64)
        )

    def hint(self, name: str, file: str, of: str) -> str:
        """What to do about an unknown id."""
        if not self._ids:
            return f"its ids are 0 to {self._n - 1}, {of}"
        unpadded = name.lstrip("0")
        padded = (one for one in self._ids if one.lstrip("0") == unpadded and unpadded)
        near = next(padded, None) or closest(name, self._ids, cutoff=0.75)
        guess = f"did you mean {near}? " if near else ""
        return f"{guess}all ids are in {file}, one a line"


def _ids(name: str, values: Sequence[str | int]) -> tuple[str, ...]:
    return tuple(map(str, as_tuple(name, values)))
