"""Weights of one model in another, whose users and items are partly the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ccd.training.recommender import Recommender


@dataclass(frozen=True)
class Matching:
    """Where users and items were before.

    Attributes:
        users: int64 earlier position of each user ``[n_users]``; -1 where there was none.
        items: The same of items ``[n_items]``.
    """

    users: np.ndarray
    items: np.ndarray


def match_ids(before: Sequence[str], now: Sequence[str]) -> np.ndarray:
    """int64 position in ``before`` of each id of ``now``; -1 where it is not there."""
    place = {name: position for position, name in enumerate(before)}
    return np.array([place.get(name, -1) for name in now], dtype=np.int64)


def carried_over(
    model: Recommender, weights: Mapping[str, Tensor], matching: Matching
) -> dict[str, Tensor]:
    """The weights that ``model`` gets: earlier ones, row by row where rows are users or items.

    Rows that there were not are as the model has them.

    Args:
        model: The model as it was built.
        weights: What an earlier one's ``state_dict`` gave.
        matching: Where its users and items are.

    Raises:
        KeyError: The models have other weights.
    """
    rows = {
        **dict.fromkeys(model.backbone.tables_of_users, matching.users),
        **dict.fromkeys(model.backbone.tables_of_items, matching.items),
    }
    found = {}
    for name, now in model.state_dict().items():
        positions = rows.get(name.removeprefix("backbone."))
        found[name] = weights[name] if positions is None else _rows(now, weights[name], positions)
    return found


def _rows(now: Tensor, before: Tensor, positions: np.ndarray) -> Tensor:
    known = torch.from_numpy(positions >= 0)
    table = now.detach().clone()
    table[known] = before[torch.from_numpy(positions[positions >= 0])].to(table)
    return table
