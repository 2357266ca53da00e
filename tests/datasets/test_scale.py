import numpy as np
import pytest
import torch

from ccd.datasets.alignment import alignment_z
from ccd.datasets.dataset import Dataset, Interactions
from ccd.datasets.planted import planted_world
from ccd.datasets.scale import computable, extents
from ccd.evaluation.beyond import BeyondAccuracy
from ccd.graphs.nearest import exact_search

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(60, 16)).astype(np.float32)


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1.0, 1e10, 1e14])
def test_ordinary_rows_stay_as_they_are(scale):
    rows = ROWS * np.float32(scale)
    rows[3] = 0
    assert np.array_equal(computable(rows), rows)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_it_is_a_float32_copy(dtype):
    rows = ROWS.astype(dtype)
    made = computable(rows)
    assert made.dtype == np.float32
    assert not np.shares_memory(made, rows)


@pytest.mark.parametrize("scale", [1e-37, 1e-20, 1e-12, 1e16, 1e20, 1e37])
def test_directions_do_not_depend_on_the_scale(scale):
    rows = computable(ROWS * np.float32(scale))
    assert (extents(rows) == 1).all()
    expected = ROWS / np.abs(ROWS).max(axis=1, keepdims=True)
    np.testing.assert_allclose(rows, expected, rtol=1e-4 if scale > 1e-30 else 1e-1)


@pytest.mark.parametrize("scale", [1e-25, 1e-12, 1e20, 1e30])
def test_neighbours_diversity_and_alignment_do_not_depend_on_it_either(scale):
    plain, scaled = ROWS, ROWS * np.float32(scale)
    scaled[::2] = plain[::2]  # rows of any scale side by side
    ours, theirs = exact_search(scaled, 5), exact_search(plain, 5)
    assert np.array_equal(ours.ids, theirs.ids)
    np.testing.assert_allclose(ours.cosines, theirs.cosines, atol=1e-5)
    pairs = Interactions(np.repeat(np.arange(30), 4), RNG.integers(60, size=120))
    worlds = [
        Dataset("w", 30, 60, pairs, pairs, pairs, {"image": rows}) for rows in (plain, scaled)
    ]
    shown = torch.from_numpy(RNG.integers(60, size=(20, 3)))
    found = [BeyondAccuracy(world, 3)(shown)["diversity image@3"] for world in worlds]
    assert found[0] == pytest.approx(found[1], abs=1e-5)


@pytest.mark.filterwarnings("error")
def test_alignment_sees_huge_features():
    world = planted_world([], n_users=200, n_items=120, n_clusters=6)
    features = world.features["image"]
    z = alignment_z(features, world.train_matrix)
    assert alignment_z(features * np.float32(1e20), world.train_matrix) == pytest.approx(z, abs=0.3)
