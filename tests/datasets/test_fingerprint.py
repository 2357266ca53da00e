from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ccd.datasets.dataset import Interactions, Neighbours
from ccd.datasets.fingerprint import fingerprint
from tests.datasets.worlds import small_world


@pytest.fixture(scope="module")
def world():
    lists = Neighbours(np.zeros((150, 2), np.int32), np.zeros((150, 2), np.float32))
    return replace(small_world(), neighbours={"image": lists})


def test_it_is_a_hash_of_the_content(world):
    assert len(fingerprint(world)) == 64
    assert fingerprint(world) == fingerprint(replace(world, name="other", notes=(), truth={}))


def test_layout_in_memory_does_not_matter(world):
    columns = {name: np.asfortranarray(x) for name, x in world.features.items()}
    backwards = dict(reversed(world.features.items()))
    assert fingerprint(replace(world, features=columns)) == fingerprint(world)
    assert fingerprint(replace(world, features=backwards)) == fingerprint(world)


def changed_feature(world):
    image = np.array(world.features["image"])
    image[-1, -1] += 1
    return {"features": {**world.features, "image": image}}


@pytest.mark.parametrize(
    "change",
    [
        lambda world: {"n_users": world.n_users + 1},
        lambda world: {"n_items": world.n_items + 1},
        lambda world: {"train": Interactions(world.train.users[1:], world.train.items[1:])},
        lambda world: {"valid": world.test, "test": world.valid},
        lambda world: {"test": Interactions(world.test.users, world.test.items[::-1])},
        changed_feature,
        lambda world: {"features": {"image": world.features["image"]}},
        lambda world: {"features": {"audio" + k: x for k, x in world.features.items()}},
        lambda world: {"features": {k: x.astype(np.float16) for k, x in world.features.items()}},
        lambda world: {"neighbours": {}},
    ],
)
def test_any_change_of_content_changes_it(world, change):
    assert fingerprint(replace(world, **change(world))) != fingerprint(world)
