from functools import partial

import numpy as np
import pytest
from scipy import stats

from ccd.errors import ConfigError
from ccd.runs.per_user import PerUser
from ccd.statistics.comparison import Comparison, holm
from ccd.statistics.paired_tests import t_test, wilcoxon


def test_holm_against_values_computed_by_hand():
    # Sorted: 0.005*4, 0.01*3, 0.03*2, 0.04*1 -> 0.02, 0.03, 0.06, and 0.04 lifted to 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def per_user(users, values):
    return PerUser(np.asarray(users), {"recall@20": np.asarray(values, dtype=np.float32)})


def compare_with_baseline(runs, *, variants, baseline, metric):
    """Variant to corrected p-value."""
    found = Comparison(test=wilcoxon).contrasts(
        runs, variants=variants, baseline=baseline, metrics=[metric]
    )
    return {contrast.variant: contrast.p_value for contrast in found}


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


def test_worse_is_what_the_test_says_of_ranks_or_of_means():
    users = np.arange(60)
    # Three in four lose a little, the others gain much: more users lose, the mean gains.
    change = np.where(users % 4 == 0, 0.2, -0.05) + 1e-4 * users
    runs = {("base", 1): per_user(users, 0.5 + 0 * users), ("x", 1): per_user(users, 0.5 + change)}
    found = {
        (test, over): Comparison(test=test, over=over, resamples=50).contrasts(
            runs, variants=["x"], baseline="base", metrics=["recall@20"]
        )[0]
        for test, over in ((wilcoxon, "users"), (t_test, "users"), (wilcoxon, "both"))
    }
    assert all(contrast.difference > 0 for contrast in found.values())
    worse = {key: contrast.worse for key, contrast in found.items()}
    ranks = found[wilcoxon, "users"].effect
    assert worse == {
        (wilcoxon, "users"): ranks < 0, (t_test, "users"): False, (wilcoxon, "both"): False,
    }  # fmt: skip
    assert ranks < 0


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


def planted(rng, n_seeds=3, n_users=200, shift=0.0, seed_sd=0.0):
    """Two variants whose users differ by ``shift`` on average."""
    users = np.arange(n_users)
    runs = {}
    for seed in range(n_seeds):
        base = rng.random(n_users)
        runs[("base", seed)] = per_user(users, base)
        noise = 0.3 * rng.standard_normal(n_users) + seed_sd * rng.standard_normal()
        runs[("x", seed)] = per_user(users, base + shift + noise)
    return runs


def contrast(runs, test=wilcoxon, intervals=False, **settings):
    comparison = Comparison(test=test, **settings)
    options = {"variants": ["base", "x"], "baseline": "base", "metrics": ["recall@20"]}
    return comparison.contrasts(runs, intervals=intervals, **options)[0]


@pytest.mark.parametrize(
    ("test", "settings"),
    [
        (wilcoxon, {}),
        (t_test, {}),
        (t_test, {"over": "seeds"}),
        (wilcoxon, {"over": "both", "resamples": 400}),
    ],
    ids=["wilcoxon", "t", "t over seeds", "bootstrap"],
)
def test_without_a_difference_p_values_are_uniform_over_200_repeats(test, settings):
    rng = np.random.default_rng(11)
    # One seed for the bootstrap: over few seeds it is known to be wide (Owen 2007).
    n_seeds = 1 if settings.get("over") == "both" else 4
    runs = [planted(rng, n_seeds=n_seeds, n_users=60) for _ in range(200)]
    p_values = [contrast(r, test, seed=i, **settings).p_value for i, r in enumerate(runs)]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert 0.01 < np.mean(np.array(p_values) < 0.05) < 0.1


@pytest.mark.parametrize("test", [wilcoxon, t_test])
@pytest.mark.parametrize("over", ["users", "seeds", "both"])
def test_a_planted_difference_is_found(test, over):
    if over == "seeds" and test is wilcoxon:
        pytest.skip("five seeds cannot give Wilcoxon a p-value below 1/16")
    found = contrast(planted(np.random.default_rng(2), 5, shift=0.1), test, over=over)
    assert found.p_value < 0.01
    assert found.effect > 0.2
    assert found.wins > 0.5 > found.losses
    assert found.wins + found.ties + found.losses == pytest.approx(1)


def test_interval_covers_the_planted_difference_as_often_as_it_says():
    rng = np.random.default_rng(4)
    covered = []
    for repeat in range(100):
        runs = planted(rng, 1, 80, shift=0.2)
        found = contrast(runs, intervals=True, resamples=300, seed=repeat)
        covered.append(found.low < 0.2 < found.high)
    assert 0.87 <= np.mean(covered) <= 1


def test_interval_is_wider_where_seeds_disagree_and_the_same_twice():
    settings = {"intervals": True, "resamples": 500}
    calm = contrast(planted(np.random.default_rng(0), 5), **settings)
    wild = contrast(planted(np.random.default_rng(0), 5, seed_sd=0.3), **settings)
    assert wild.high - wild.low > 3 * (calm.high - calm.low)
    assert calm == contrast(planted(np.random.default_rng(0), 5), **settings)


def test_ties_are_counted_and_nothing_is_read_into_them():
    runs = {(name, 1): per_user(np.arange(30), np.ones(30)) for name in ("base", "x")}
    found = contrast(runs, t_test, intervals=True, resamples=50)
    assert (found.ties, found.p_value, found.difference, found.low) == (1.0, 1.0, 0.0, 0.0)


def test_differences_that_only_float32_sees_are_ties():
    # One third up in one seed, one third down in the other: 1 - 2/3 is not 1/3 - 0 in float32.
    runs = {
        ("base", 1): per_user(np.arange(9), np.full(9, 2 / 3)),
        ("x", 1): per_user(np.arange(9), np.ones(9)),
        ("base", 2): per_user(np.arange(9), np.full(9, 1 / 3)),
        ("x", 2): per_user(np.arange(9), np.zeros(9)),
    }
    found = contrast(runs)
    assert found.difference != 0
    assert (found.ties, found.p_value, found.effect) == (1.0, 1.0, 0.0)


def test_one_seed_cannot_be_tested_over_seeds():
    with pytest.raises(ConfigError, match=r"over = 'seeds'.*only seed 0 in common"):
        contrast(planted(np.random.default_rng(0), 1), over="seeds")


def test_descriptions_name_the_test():
    assert Comparison(test=t_test).description == "paired t-test over users, Holm-corrected"
    both = Comparison(test=partial(wilcoxon), over="both")
    assert both.description.startswith("bootstrap over users and seeds")
    assert "Wilcoxon signed-rank" in Comparison(test=partial(wilcoxon)).description
