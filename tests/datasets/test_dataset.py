from __future__ import annotations

import numpy as np

from tests.datasets.worlds import small_world


def test_the_train_matrix_holds_the_training_pairs():
    world = small_world()
    matrix = world.train_matrix
    assert matrix.shape == (world.n_users, world.n_items)
    assert matrix.sum() == len(world.train)
    assert matrix.has_sorted_indices
    assert np.all(matrix[world.train.users, world.train.items] == 1)
    assert not matrix[world.test.users, world.test.items].any()
