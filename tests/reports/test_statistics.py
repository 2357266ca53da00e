import numpy as np
import pytest

from ccd.reports.statistics import compare_with_baseline, holm, paired_p_value
from ccd.runs.per_user import PerUser


def test_holm_against_values_computed_by_hand():
    # Sorted: 0.005*4, 0.01*3, 0.03*2, 0.04*1 -> 0.02, 0.03, 0.06, and 0.04 lifted to 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_wilcoxon_of_five_positive_differences_is_exact():
    # All 5 signs equal: 2 of 2**5 outcomes.
    assert paired_p_value(np.arange(1.0, 6), np.zeros(5)) == pytest.approx(2 / 32)


def test_wilcoxon_under_the_null_rejects_as_often_as_it_says():
    rng = np.random.default_rng(3)
    p_values = [paired_p_value(rng.random(80), rng.random(80)) for _ in range(400)]
    assert 0.02 < np.mean(np.array(p_values) < 0.05) < 0.09


def test_no_difference_at_all_is_no_evidence():
    values = np.random.default_rng(0).random(50)
    assert paired_p_value(values, values.copy()) == 1.0


def per_user(users, values):
    return PerUser(np.asarray(users), {"recall@20": np.asarray(values, dtype=np.float32)})


def test_planted_difference_is_found_and_noise_is_not():
    rng = np.random.default_rng(1)
    base = rng.random(500)
    runs = {
        ("base", 1): per_user(np.arange(500), base),
        ("better", 1): per_user(np.arange(500), base + 0.05 + 0.1 * rng.standard_normal(500)),
        ("noise", 1): per_user(np.arange(500), base + 0.1 * rng.standard_normal(500)),
    }
    p_values = compare_with_baseline(
        runs, variants=["base", "better", "noise"], baseline="base", metric="recall@20"
    )
    assert set(p_values) == {"better", "noise"}
    assert p_values["better"] < 1e-6
    assert p_values["noise"] > 0.05


def test_users_are_matched_by_id_and_seeds_by_what_both_have():
    users = np.arange(30)
    base = np.linspace(0, 1, 30)
    shuffled = np.random.default_rng(0).permutation(30)
    runs = {
        ("base", 1): per_user(users, base),
        ("base", 2): per_user(users, base + 9),
        ("same", 1): per_user(users[shuffled], base[shuffled]),
        ("same", 3): per_user(users, base + 1),
        ("elsewhere", 3): per_user(users, base),
    }
    p_values = compare_with_baseline(
        runs, variants=["same", "elsewhere"], baseline="base", metric="recall@20"
    )
    assert p_values == {"same": 1.0}


def test_means_over_seeds_are_what_is_tested():
    users = np.arange(40)
    base = np.random.default_rng(0).random(40)
    runs = {("base", seed): per_user(users, base) for seed in (1, 2)}
    # One seed up, the other down by as much: nothing is left in the mean.
    runs |= {("x", 1): per_user(users, base + 0.25), ("x", 2): per_user(users, base - 0.25)}
    p_values = compare_with_baseline(runs, variants=["x"], baseline="base", metric="recall@20")
    assert p_values["x"] > 0.05
    only_up = {key: run for key, run in runs.items() if key[1] == 1}
    again = compare_with_baseline(only_up, variants=["x"], baseline="base", metric="recall@20")
    assert again["x"] < 1e-6
