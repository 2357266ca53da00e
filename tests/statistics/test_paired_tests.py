import numpy as np
import pytest
from scipy import stats

from ccd.statistics.paired_tests import t_test, wilcoxon


def test_wilcoxon_of_five_positive_differences_is_exact():
    # All 5 signs equal: 2 of 2**5 outcomes.
    assert wilcoxon(np.arange(1.0, 6)) == (pytest.approx(2 / 32), 1.0)


def test_wilcoxon_drops_pairs_without_a_difference_and_its_effect_is_of_ranks():
    # Ranks of 1, 2, 3 with signs -, +, +: (2 + 3 - 1) / 6.
    result = wilcoxon(np.array([0.0, -1.0, 0.0, 2.0, 3.0]))
    assert result.effect == pytest.approx(4 / 6)
    assert result.p_value == pytest.approx(stats.wilcoxon([-1.0, 2.0, 3.0]).pvalue)


def test_t_test_is_that_of_scipy():
    values = np.random.default_rng(0).standard_normal(30) + 0.3
    result = t_test(values)
    assert result.p_value == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert result.effect == pytest.approx(values.mean() / values.std(ddof=1))


@pytest.mark.parametrize("test", [wilcoxon, t_test])
def test_no_difference_at_all_is_no_evidence(test):
    assert test(np.zeros(50)) == (1.0, 0.0)


def test_t_test_of_one_pair_says_nothing_and_of_equal_ones_everything():
    assert t_test(np.array([2.0])).p_value == 1.0
    assert t_test(np.array([2.0, 2.0])) == (0.0, np.inf)
