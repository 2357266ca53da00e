import math

import numpy as np
import pytest
import torch

from ccd.evaluation.beyond import BeyondAccuracy, coverage, diversity, gini, novelty, summary
from tests.backbones.worlds import dataset


def test_coverage_and_gini_by_hand():
    assert coverage(torch.tensor([3, 0, 1, 0])) == 0.5
    # Ascending 0, 0, 1, 3: (-3*0 - 1*0 + 1*1 + 3*3) / (4 * 4).
    assert gini(torch.tensor([3, 0, 1, 0])) == pytest.approx(10 / 16)
    assert gini(torch.tensor([2, 2, 2])) == pytest.approx(0)


def test_gini_is_the_mean_difference_over_twice_the_mean():
    exposure = torch.from_numpy(np.random.default_rng(0).integers(0, 9, 40))
    pairs = (exposure[:, None] - exposure[None]).abs().double().mean()
    assert gini(exposure) == pytest.approx((pairs / 2 / exposure.double().mean()).item())


def test_novelty_is_in_bits_and_untrained_items_count_as_trained_on_once():
    lists = torch.tensor([[0, 1], [2, 2]])
    found = novelty(lists, torch.tensor([8, 2, 0]), 8)
    assert found.tolist() == [1.0, 3.0]


def test_diversity_against_all_pairs():
    rng = np.random.default_rng(1)
    units = torch.nn.functional.normalize(torch.from_numpy(rng.standard_normal((20, 5))), dim=1)
    units[3] = 0  # an item without the modality
    lists = torch.tensor([[0, 1, 2, 4], [5, 3, 6, 7], [3, 3, 3, 8]])
    expected = [
        np.mean([1 - float(units[a] @ units[b]) for a in row for b in row if a < b])
        for row in ([0, 1, 2, 4], [5, 6, 7])
    ]
    found = diversity(lists, units)
    assert found[:2].tolist() == pytest.approx(expected)
    assert math.isnan(found[2])


def test_a_list_that_is_shorter_counts_with_what_is_in_it():
    world = dataset()
    measure = BeyondAccuracy(world, 4)
    short = torch.tensor([[0, 1, 2, 3], [4, 5, -1, -1], [6, -1, -1, -1], [-1, -1, -1, -1]])
    found = measure(short)
    assert found["coverage@4"] == pytest.approx(7 / world.n_items)
    exposure = torch.zeros(world.n_items)
    exposure[:7] = 1
    assert found["gini@4"] == pytest.approx(gini(exposure))
    popularity = torch.bincount(torch.from_numpy(world.train.items), minlength=world.n_items)
    users = len(np.unique(world.train.users))
    parts = [novelty(row[row >= 0][None], popularity, users).item() for row in short[:3]]
    assert found["novelty@4"] == pytest.approx(np.mean(parts))
    for name, rows in world.features.items():
        units = torch.nn.functional.normalize(torch.from_numpy(rows).float(), dim=1)
        alone = [diversity(row[row >= 0][None], units).item() for row in short[:2]]
        assert found[f"diversity {name}@4"] == pytest.approx(np.nanmean(alone))


def test_all_of_them_by_name_on_the_first_k():
    world = dataset()
    lists = torch.arange(world.n_items)[None].expand(3, -1)
    found = BeyondAccuracy(world, 5)(lists)
    names = ["coverage", "gini", "novelty", *(f"diversity {name}" for name in world.features)]
    assert list(found) == [f"{name}@5" for name in names]
    assert found["coverage@5"] == pytest.approx(5 / world.n_items)
    assert summary([{"a": 1.0}, {"a": 2.0}]) == {"a": (1.0, 2.0)}


def test_lists_that_end_early_are_measured_as_far_as_they_go():
    data = dataset()
    measure = BeyondAccuracy(data, 3)
    short = measure(torch.tensor([[4, 5, -1], [7, -1, -1], [-1, -1, -1]]))
    assert short["coverage@3"] == pytest.approx(3 / data.n_items)
    units = measure._units["image"]
    assert short["diversity image@3"] == pytest.approx(1 - (units[4] @ units[5]).item(), abs=1e-6)
    bits = novelty(torch.tensor([[4], [5], [7]]), measure._popularity, measure._n_users)
    expected = (bits[:2].mean() + bits[2]) / 2
    assert short["novelty@3"] == pytest.approx(expected.item())
