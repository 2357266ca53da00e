"""Pools by epoch at the boundaries; indices are 0-based, 4 is the final representations."""

from functools import partial

import pytest

from ccd.errors import ConfigError
from ccd.negatives.curricula import boundary_curriculum, cosine_curriculum, step_curriculum
from ccd.negatives.curricular import CurricularSampler
from tests.negatives.worlds import sampler_world


def spans(curriculum, epochs=40, **settings):
    """{pool: (first, last epoch)}"""
    found = {}
    for epoch in range(epochs):
        pool = curriculum(epoch, 4, **settings)
        found[pool] = (found.get(pool, (epoch,))[0], epoch)
    return found


def test_eq_7():
    assert spans(step_curriculum, interval=5, end_epoch=30) == {
        0: (0, 4),
        1: (5, 9),
        2: (10, 14),
        3: (15, 30),
        4: (31, 39),
    }


def test_the_released_code():
    assert spans(boundary_curriculum, start=5, step=5, end=30) == {
        0: (0, 5),
        1: (6, 10),
        2: (11, 15),
        3: (16, 30),
        4: (31, 39),
    }


def test_sports_settings_of_the_released_code():
    found = spans(boundary_curriculum, 90, start=5, step=10, end=75)
    assert found == {0: (0, 5), 1: (6, 15), 2: (16, 25), 3: (26, 75), 4: (76, 89)}


def test_cosine_lingers_at_both_ends():
    found = spans(cosine_curriculum, end_epoch=32)
    first, second, third, fourth, _ = (last - begin for begin, last in found.values())
    assert first > second
    assert third < fourth
    assert found[4] == (32, 39)


@pytest.mark.parametrize("end_epoch", [5, 8])
def test_an_early_end_skips_the_later_pools(end_epoch):
    assert step_curriculum(end_epoch, 4, interval=5, end_epoch=end_epoch) == 1
    assert step_curriculum(end_epoch + 1, 4, interval=5, end_epoch=end_epoch) == 4


@pytest.mark.parametrize(
    ("curriculum", "settings", "says"),
    [
        (step_curriculum, {"interval": 5, "end_epoch": 4}, "end_epoch = 4 is below .*interval = 5"),
        (step_curriculum, {"interval": 13}, "end_epoch = 12 is below .*interval = 13"),
        (boundary_curriculum, {"start": 7, "end": 6}, "end = 6 is below .*start = 7"),
    ],
)
def test_an_end_within_the_first_pool_is_refused_when_the_sampler_is_built(
    curriculum, settings, says
):
    with pytest.raises(ConfigError, match=says):
        CurricularSampler(
            sampler_world(),
            curriculum=partial(curriculum, **settings),
            candidate_fraction=0.5,
            top_fraction=0.5,
        )
