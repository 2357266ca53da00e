"""Choices in a planted world: what users take, what is withheld from them, and the splits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ccd.datasets.dataset import Interactions
from ccd.datasets.planted_tastes import Tastes
from ccd.errors import ConfigError

FEWEST = 5
"""Interactions of the least active user: three to train on, one each to validate and test."""

_FEWEST_CANDIDATES = 128
_CANDIDATES_PER_TAKEN = 12
_BLOCK_ELEMENTS = 2**20


@dataclass(frozen=True)
class Choices:
    """What users took and would have taken.

    Attributes:
        users: User of each interaction ``[n]``.
        items: Item of each interaction ``[n]``.
        withheld: (user, item) pairs of high affinity that are not interactions ``[m, 2]``.
    """

    users: np.ndarray
    items: np.ndarray
    withheld: np.ndarray


def choose(
    rng: np.random.Generator,
    tastes: Tastes,
    mean_interactions: float,
    affinity: float,
    withheld: int,
) -> Choices:
    """Let users take items with probability ~ popularity * exp(affinity * cosine).

    No users x items matrix: a user's candidates are drawn from the table of their cluster, then
    their own taste decides among these.

    Args:
        rng: Source of all choices.
        tastes: Users and items.
        mean_interactions: Mean interactions per user; their number is exponential above `FEWEST`.
        affinity: Sharpness of taste.
        withheld: Pairs to withhold per user, their best candidates.

    Raises:
        ConfigError: Some user finds fewer than `FEWEST` different items.
    """
    extra = rng.exponential(mean_interactions - FEWEST, size=len(tastes.user_latent))
    wanted = FEWEST + np.round(extra).astype(np.int64)
    # Enough draws that taste still has something to decide for all but the most active.
    candidates = max(
        _FEWEST_CANDIDATES, int(_CANDIDATES_PER_TAKEN * (mean_interactions + withheld))
    )
    parts = []
    for cluster, center in enumerate(tastes.centers):
        liking = np.exp(affinity * (tastes.item_latent @ center), dtype=np.float64)
        table = np.cumsum(tastes.popularity * liking)
        members = np.flatnonzero(tastes.user_cluster == cluster)
        for block in np.array_split(members, 1 + len(members) * candidates // _BLOCK_ELEMENTS):
            draws = rng.random((len(block), candidates)) * table[-1]
            # Sorted, so that an item drawn twice is next to itself.
            drawn = np.sort(np.searchsorted(table, draws), axis=1)
            parts.append(_take(rng, tastes, block, drawn, affinity, wanted[block], withheld))
    users, items, pairs = (np.concatenate(column) for column in zip(*parts, strict=True))
    taken = np.bincount(users, minlength=len(wanted)).min()
    if taken < FEWEST:
        raise ConfigError(
            f"a user of planted_world finds only {taken} different items, but {FEWEST} are needed",
            keys=[
                f"planted_world.{name}"
                for name in ("n_items", "affinity", "zipf_exponent", "withheld")
            ],
            hint="raise planted_world.n_items, or lower its affinity, zipf_exponent or withheld",
        )
    return Choices(users, items, pairs)


def split(
    rng: np.random.Generator, choices: Choices, cold: np.ndarray
) -> tuple[Interactions, Interactions, Interactions]:
    """Split each user's interactions by the MMRec toolbox's rule, cold items held out.

    Of n < 10 interactions one is for validation and one for test; of more, a fifth is held out,
    the smaller half of it for validation.
    """
    users, items = choices.users, choices.items
    n = np.bincount(users)
    n_held = np.where(n < 10, 2, n // 5)
    n_valid = np.where(n < 10, 1, n_held // 2)
    held = _rank_within(users, rng.random(len(users)) - cold[items]) < n_held[users]
    valid = held & (_rank_within(users, rng.random(len(users)) - held) < n_valid[users])
    parts = (~held, valid, held & ~valid)
    train, validation, test = (Interactions(users[part], items[part]) for part in parts)
    return train, validation, test


def _take(
    rng: np.random.Generator,
    tastes: Tastes,
    users: np.ndarray,
    drawn: np.ndarray,
    affinity: float,
    wanted: np.ndarray,
    withheld: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Users and items of the interactions ``[n]`` and the withheld pairs ``[m, 2]``.

    The candidates follow the cluster's taste already, so what decides among them is by how much
    the user's own differs. Gumbel noise plus top-n is sampling without replacement.
    """
    latent = tastes.user_latent[users]
    cosine = _cosines(tastes, drawn, latent)
    own = affinity * (cosine - _cosines(tastes, drawn, tastes.centers[tastes.user_cluster[users]]))
    cold, again = tastes.cold[drawn], np.zeros(drawn.shape, dtype=bool)
    again[:, 1:] = drawn[:, 1:] == drawn[:, :-1]
    keys = np.where(again, -np.inf, own + rng.gumbel(size=drawn.shape))
    best = np.argsort(np.where(again | cold, np.inf, -cosine), axis=1)[:, :withheld]
    np.put_along_axis(keys, best, -np.inf, axis=1)
    # One cold item per user at most: it always finds room in the held-out splits.
    best_cold = np.where(cold, keys, -np.inf).max(axis=1, keepdims=True)
    keys[cold & (keys < best_cold)] = -np.inf
    order = np.argsort(-keys, axis=1)
    taken = np.arange(order.shape[1]) < wanted[:, None]
    taken &= np.isfinite(np.take_along_axis(keys, order, axis=1))
    pairs = (np.repeat(users, best.shape[1]), np.take_along_axis(drawn, best, axis=1).ravel())
    return (
        np.repeat(users, taken.sum(axis=1)),
        np.take_along_axis(drawn, order, axis=1)[taken],
        np.stack(pairs, axis=1),
    )


def _cosines(tastes: Tastes, items: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return np.einsum("bcd,bd->bc", tastes.item_latent[items], vectors)


def _rank_within(groups: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Position of each element among those of its group, by ascending key."""
    order = np.lexsort((keys, groups))
    counts = np.bincount(groups)
    rank = np.empty(len(groups), dtype=np.int64)
    rank[order] = np.arange(len(groups)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rank
