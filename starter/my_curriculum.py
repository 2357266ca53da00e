"""A curriculum of this project's own."""

from ccd.registry import component
from ccd.settings import PositiveFloat, PositiveInt


@component("curriculum")
def eager_curriculum(
    epoch: int, n_pools: int, *, end_epoch: PositiveInt = 20, haste: PositiveFloat = 2.0
) -> int:
    """Leave the easy pools early and stay long with the hard ones.

    Args:
        epoch: Current epoch, counted from 0.
        n_pools: Number of pools, ordered easy to hard.
        end_epoch: First epoch that uses the final representations.
        haste: 1 spends equally many epochs on each pool; more hurries through the easy ones.
    """
    return int(min(1.0, epoch / end_epoch) ** (1 / haste) * n_pools)
