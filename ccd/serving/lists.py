"""Recommendation lists from exported vectors, for known users, new ones and items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ccd.datasets.scale import cosines_to
from ccd.errors import ConfigError
from ccd.fold_in import fold_in
from ccd.serving.index import ExactIndex, Index, UsearchIndex
from ccd.serving.layout import INDEX_FILES
from ccd.serving.vectors import Vectors


@dataclass(frozen=True)
class Ranked:
    """A list of items, best first.

    Attributes:
        items: int64 positions ``[n]``, fewer than asked for where there are no others.
        scores: Inner products, or cosines of similar items ``[n]``; interactions of popular ones.
        kind: What the list is made from: the user's own ``vector``, a ``history``, ``popular``
            items, or items ``similar`` to one.
    """

    items: np.ndarray
    scores: np.ndarray
    kind: Literal["vector", "history", "popular", "similar"]


class Lists:
    """Answers requests from the vectors of one exported folder.

    A known user is served by their own vector. A user without one, whose history is given, is
    served by what ``fold_in`` makes of it. Of neither, nothing is known: popular items.

    Args:
        vectors: The opened folder.
    """

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors
        self._index = _index(vectors)

    def for_user(
        self, user: str, k: int, *, exclude: Sequence[str] = (), keep_seen: bool = False
    ) -> Ranked:
        """The best items of a known user.

        Args:
            user: The user's id.
            k: Length of the list.
            exclude: Ids of items not to list; unknown ones change nothing.
            keep_seen: List also what the user has interacted with.

        Raises:
            ConfigError: The user is unknown.
        """
        place = self.vectors.user_places.get(user)
        if place is None:
            raise ConfigError(
                f"no user '{user}'",
                keys=("user",),
                hint="give a history, or ask for popular items with unknown=popular",
            )
        hidden = self._places(exclude)
        if not keep_seen:
            hidden = np.concatenate([hidden, self.vectors.seen(place)])
        return self._best(self.vectors.users[place], k, hidden, "vector")

    def for_history(self, history: Sequence[str], k: int, *, exclude: Sequence[str] = ()) -> Ranked:
        """The best items for somebody of whom only some items are known, which are not listed.

        Raises:
            ConfigError: No item of the history is known.
        """
        known = self._places(history)
        if not len(known):
            raise ConfigError(
                "no item of the history is known",
                keys=("history",),
                found=", ".join(map(repr, history[:5])) or "an empty list",
                hint="give ids of items that the model was trained on",
            )
        hidden = np.concatenate([known, self._places(exclude)])
        return self._best(fold_in(self.vectors.items[known]), k, hidden, "history")

    def popular(self, k: int, *, exclude: Sequence[str] = ()) -> Ranked:
        """The items with most training interactions."""
        order = self.vectors.by_popularity
        hidden = self._places(exclude)
        first = order[: k + len(hidden)]
        items = first[~np.isin(first, hidden)][:k]
        return Ranked(items, self.vectors.popularity[items].astype(np.float32), "popular")

    def similar(self, item: str, k: int, *, exclude: Sequence[str] = ()) -> Ranked:
        """The items whose vectors point most nearly in the direction of one item's, by cosine.

        Raises:
            ConfigError: The item is unknown.
        """
        place = self.vectors.item_places.get(item)
        if place is None:
            raise ConfigError(
                f"no item '{item}'",
                keys=("item",),
                hint="the ids are in items.parquet",
            )
        # All of them: the index finds the largest inner products, which long vectors have.
        cosines = cosines_to(self.vectors.items, place)
        cosines[np.append(self._places(exclude), place)] = np.nan
        cosines[~self.vectors.purchasable] = np.nan
        known = np.flatnonzero(~np.isnan(cosines))
        return _sorted(known, cosines[known], k, "similar")

    def _best(self, vector: np.ndarray, k: int, hidden: np.ndarray, kind: str) -> Ranked:
        candidates = self._candidates(vector, k, hidden)
        scores = np.asarray(self.vectors.items[candidates]) @ np.asarray(vector)
        return _sorted(candidates, scores, k, kind)

    def _candidates(self, vector: np.ndarray, k: int, hidden: np.ndarray) -> np.ndarray:
        """At least the ``k`` best items that are not hidden, as far as the index finds them."""
        n_items = len(self.vectors.items)
        wanted = min(k + len(np.unique(hidden)), n_items)
        while True:
            found = self._index.search(np.asarray(vector)[None], wanted)[0]
            found = found[found >= 0]
            left = found[self.vectors.purchasable[found] & ~np.isin(found, hidden)]
            # How many of the best cannot be had is not known before.
            if len(left) >= k or wanted == n_items or self.vectors.all_purchasable:
                return left
            wanted = min(2 * wanted, n_items)

    def _places(self, ids: Sequence[str]) -> np.ndarray:
        """Positions of the ids that are known."""
        places = self.vectors.item_places
        return np.array([places[name] for name in ids if name in places], dtype=np.int64)


def _sorted(items: np.ndarray, scores: np.ndarray, k: int, kind: str) -> Ranked:
    order = np.argsort(-scores, kind="stable")[:k]
    return Ranked(items[order], scores[order], kind)  # type: ignore[arg-type]


def _index(vectors: Vectors) -> Index:
    """The exported approximate index where there is one, else exact search."""
    path = vectors.folder / INDEX_FILES["usearch"]
    if path.is_file():
        return UsearchIndex(path)
    return ExactIndex(vectors.items)
