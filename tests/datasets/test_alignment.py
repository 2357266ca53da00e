from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ccd.datasets import planted_world
from ccd.datasets.alignment import SUSPICIOUS_Z, alignment_z, misaligned
from tests.datasets.worlds import small_world


@pytest.fixture(scope="module")
def world():
    return planted_world([])


def shuffled(features: np.ndarray, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).permutation(features)


def test_features_in_order_stand_out_and_shuffled_ones_do_not(world):
    for features in world.features.values():
        assert alignment_z(features, world.train_matrix) > 10
        scores = [alignment_z(shuffled(features, seed), world.train_matrix) for seed in range(5)]
        assert np.abs(np.mean(scores)) < 1.5


def test_a_shift_by_one_row_is_noticed(world):
    features = np.roll(world.features["text"], 1, axis=0)
    assert alignment_z(features, world.train_matrix) < SUSPICIOUS_Z


def test_the_note_names_the_modality(world):
    assert misaligned(world) == []
    features = {**world.features, "image": shuffled(world.features["image"])}
    (note,) = misaligned(replace(world, features=features))
    assert note.startswith("image: items with similar features are not bought together")


def test_the_score_is_repeatable_and_indifferent_to_scale(world):
    features = world.features["text"]
    first = alignment_z(features, world.train_matrix)
    assert alignment_z(features * 8, world.train_matrix) == pytest.approx(first)
    assert alignment_z(features.astype(np.float16), world.train_matrix) == pytest.approx(first, 0.1)


def test_too_few_items_give_no_score():
    world = small_world()
    features = np.array(world.features["image"])
    features[40:] = 0
    assert alignment_z(features, world.train_matrix) is None
    assert misaligned(replace(world, features={"image": features})) == []


def test_items_that_are_all_bought_together_give_no_score():
    world = small_world()
    matrix = world.train_matrix.copy()
    matrix = type(matrix)(np.ones(matrix.shape, dtype=np.float32))
    assert alignment_z(world.features["image"], matrix) is None
