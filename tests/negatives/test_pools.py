import pytest
import torch

from ccd.errors import ConfigError
from ccd.negatives.pools import DiffusionPools


@pytest.mark.parametrize(
    ("steps", "rounding", "keep"),
    [
        (20, "code_floor", (6, 11, 16, 20)),
        (20, "quarters", (5, 10, 15, 20)),
        (5, "code_floor", (2, 3, 4, 5)),
        (100, "code_floor", (26, 51, 76, 100)),
        (40, "quarters", (10, 20, 30, 40)),
    ],
)
def test_steps_kept(steps, rounding, keep):
    assert DiffusionPools(steps, rounding=rounding).keep == keep


@pytest.mark.parametrize("fractions", [(), (0.25, 0.5), (0.5, 0.5)])
def test_fractions_must_fall(fractions):
    with pytest.raises(ConfigError, match="must fall from easy to hard"):
        DiffusionPools(20, fractions=fractions)


def test_too_few_steps_are_refused():
    with pytest.raises(ConfigError, match="raise steps or name fewer"):
        DiffusionPools(2)
    assert DiffusionPools(2, fractions=(0.5, 0.0), rounding="quarters").keep == (1, 2)


def test_pools_are_the_kept_samples():
    kept = {5: torch.zeros(3, 2), 20: torch.ones(3, 2)}
    pools = DiffusionPools(20, fractions=(0.75, 0.0), rounding="quarters")
    assert pools.build(kept)[:, 0, 0].tolist() == [0, 1]
