"""Curricula: which pool an epoch draws from. ``(epoch, n_pools) -> index``.

Pools are ordered easy to hard; the index ``n_pools`` stands for the final item representations,
regarded as the hardest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

from ccd.errors import ConfigError
from ccd.registry import component
from ccd.settings import NonNegativeInt, PositiveInt, Slot

Curriculum = Annotated[Callable[[int, int], int], Slot("curriculum")]


@component("curriculum")
def step_curriculum(
    epoch: int,
    n_pools: int,
    *,
    interval: PositiveInt = 3,
    end_epoch: NonNegativeInt = 12,
) -> int:
    """Move to the next harder pool every ``interval`` epochs (Eq. 7).

    Args:
        epoch: Current epoch, counted from 0.
        n_pools: Number of pools, ordered easy to hard.
        interval: Epochs per pool, the paper's delta tau.
        end_epoch: From the epoch after this one, the final representations; the paper's tau_end.

    Raises:
        ConfigError: ``end_epoch`` is below ``interval``.
    """
    _refuse_early_end("step_curriculum", end_epoch=end_epoch, interval=interval)
    return n_pools if epoch > end_epoch else min(epoch // interval, n_pools - 1)


@component("curriculum")
def boundary_curriculum(
    epoch: int,
    n_pools: int,
    *,
    start: NonNegativeInt = 5,
    step: PositiveInt = 5,
    end: NonNegativeInt = 30,
) -> int:
    """The released code's three settings: pool 1 up to ``start``, then one more every ``step``.

    Args:
        epoch: Current epoch, counted from 0.
        n_pools: Number of pools, ordered easy to hard.
        start: Last epoch of the first pool.
        step: Epochs of each pool after it.
        end: Last epoch of the last pool; the final representations follow.

    Raises:
        ConfigError: ``end`` is below ``start``.
    """
    _refuse_early_end("boundary_curriculum", end=end, start=start)
    if epoch > end:
        return n_pools
    return min(max(0, math.ceil((epoch - start) / step)), n_pools - 1)


@component("curriculum")
def linear_curriculum(epoch: int, n_pools: int, *, end_epoch: PositiveInt = 30) -> int:
    """All pools for equally long, then the final representations.

    Args:
        epoch: Current epoch, counted from 0.
        n_pools: Number of pools, ordered easy to hard.
        end_epoch: First epoch that uses the final representations.
    """
    return min(n_pools, epoch * n_pools // end_epoch)


@component("curriculum")
def cosine_curriculum(epoch: int, n_pools: int, *, end_epoch: PositiveInt = 30) -> int:
    """Long on the easiest and the hardest pool, quick in between; then the final representations.

    Args:
        epoch: Current epoch, counted from 0.
        n_pools: Number of pools, ordered easy to hard.
        end_epoch: First epoch that uses the final representations.
    """
    if epoch >= end_epoch:
        return n_pools
    progress = (1 - math.cos(math.pi * epoch / end_epoch)) / 2
    return min(int(progress * n_pools), n_pools - 1)


@component("curriculum")
def last_pool(epoch: int, n_pools: int) -> int:
    """The cleanest pool in every epoch: the paper's +NDI without a curriculum.

    Args:
        epoch: Ignored.
        n_pools: Number of pools, ordered easy to hard.
    """
    return n_pools - 1


@component("curriculum")
def final_only(epoch: int, n_pools: int) -> int:
    """The final item representations in every epoch.

    Args:
        epoch: Ignored.
        n_pools: Number of pools.
    """
    return n_pools


def _refuse_early_end(name: str, **settings: int) -> None:
    """Refuse a curriculum whose first setting, its end, lies before the second: of its first pool.

    Raises:
        ConfigError: It does.
    """
    (end, last), (first, needed) = settings.items()
    if last < needed:
        raise ConfigError(
            f"{name}.{end} = {last} is below {name}.{first} = {needed}, so the curriculum would "
            "end within its first pool",
            keys=(f"{name}.{end}", f"{name}.{first}"),
            hint=f"raise {end} or lower {first}; for no pools at all use @final_only",
        )
