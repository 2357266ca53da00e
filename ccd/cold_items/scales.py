"""Factors that bring the vectors of items without interactions to the scale of the others.

A vector without interactions is shorter, as its parts average over more that does not agree, so
its scores are smaller and no list has it. A rule answers a factor for each such item.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor

from ccd.registry import component
from ccd.settings import OpenFraction, Slot

_USERS = 2048
"""Users whose scores are looked at."""


@component("cold_scale")
def unscaled(users: Tensor, warm: Tensor, cold: Tensor, near: Tensor) -> Tensor:
    """Every vector as it is.

    Args:
        users: Users' vectors ``[n_users, dim]``.
        warm: Vectors of the items with interactions ``[n, dim]``.
        cold: Vectors of those without ``[m, dim]``.
        near: Mean length of each one's neighbours among the first ``[m]``; 0 where there are none.
    """
    return torch.ones_like(near)


@component("cold_scale")
def mean_norm(users: Tensor, warm: Tensor, cold: Tensor, near: Tensor) -> Tensor:
    """Every vector as long as those of items with interactions are on average.

    Args:
        users: Users' vectors ``[n_users, dim]``.
        warm: Vectors of the items with interactions ``[n, dim]``.
        cold: Vectors of those without ``[m, dim]``.
        near: Mean length of each one's neighbours among the first ``[m]``; 0 where there are none.
    """
    return _ratio(warm.norm(dim=1).mean().expand(len(cold)), cold.norm(dim=1))


@component("cold_scale")
def neighbour_norm(users: Tensor, warm: Tensor, cold: Tensor, near: Tensor) -> Tensor:
    """Every vector as long as those of its neighbours are on average.

    Args:
        users: Users' vectors ``[n_users, dim]``.
        warm: Vectors of the items with interactions ``[n, dim]``.
        cold: Vectors of those without ``[m, dim]``.
        near: Mean length of each one's neighbours among the first ``[m]``; 0 where there are none.
    """
    return _ratio(near, cold.norm(dim=1))


@component("cold_scale")
def score_quantile(
    users: Tensor, warm: Tensor, cold: Tensor, near: Tensor, *, top: OpenFraction = 0.01
) -> Tensor:
    """The users whom an item suits best score it as high as those of other items score them.

    The score that a share ``top`` of the users exceed is made that of the average item with
    interactions. An item that hardly anybody scores above 0 keeps its vector.

    Args:
        users: Users' vectors ``[n_users, dim]``.
        warm: Vectors of the items with interactions ``[n, dim]``.
        cold: Vectors of those without ``[m, dim]``.
        near: Mean length of each one's neighbours among the first ``[m]``; 0 where there are none.
        top: Share of users.
    """
    some = users[:: max(1, len(users) // _USERS)]
    rank = max(1, round(top * len(some)))

    def exceeded(items: Tensor) -> Tensor:
        blocks = items.split(_USERS)
        return torch.cat([(block @ some.T).topk(rank, dim=1).values[:, -1] for block in blocks])

    return _ratio(exceeded(warm).mean().expand(len(cold)), exceeded(cold))


def _ratio(wanted: Tensor, there: Tensor) -> Tensor:
    """``wanted / there [m]``; 1 where one of them is not above 0."""
    sound = (wanted > 0) & (there > 0)
    return (wanted / there.where(sound, 1.0)).where(sound, 1.0)


Scale = Annotated[Callable[[Tensor, Tensor, Tensor, Tensor], Tensor], Slot("cold_scale")]
