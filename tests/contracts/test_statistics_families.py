"""Every registered paired test, comparison and probe."""

import numpy as np
import pytest
import torch

from ccd import catalogue
from ccd.backbones.base import Batch, Representations
from ccd.graphs.items_by_user import ItemsByUser
from ccd.negatives.base import ItemNegatives
from ccd.registry import components
from ccd.runs.per_user import PerUser
from ccd.statistics.paired_tests import wilcoxon

catalogue.load()


def family(name):
    own = [c for c in components(name) if c.target.__module__.startswith("ccd.")]
    return pytest.mark.parametrize("part", own, ids=lambda c: c.name)


@family("paired_test")
class TestPairedTests:
    def test_sign_is_the_effects_and_p_has_none(self, part):
        values = np.random.default_rng(0).standard_normal(40) + 0.4
        up, down = part.target(values), part.target(-values)
        assert 0 < up.p_value < 0.05
        assert up.p_value == pytest.approx(down.p_value)
        assert up.effect == pytest.approx(-down.effect)
        assert up.effect > 0

    def test_nothing_is_no_evidence(self, part):
        assert part.target(np.zeros(20)).p_value == 1.0


@family("comparison")
def test_comparisons_find_a_planted_difference_and_swap_its_sign(part):
    rng = np.random.default_rng(0)
    base = rng.random(100)
    users = np.arange(100)
    shifted = base + 0.2 + 0.1 * rng.random(100)
    runs = {
        ("a", 1): PerUser(users, {"m": base}),
        ("b", 1): PerUser(users, {"m": shifted}),
    }
    for first, second, sign in (("a", "b", 1), ("b", "a", -1)):
        found = part.target(test=wilcoxon).contrasts(
            runs, variants=[first, second], baseline=first, metrics=["m"], intervals=True
        )
        assert len(found) == 1
        assert sign * found[0].low > 0.2
        assert found[0].p_value < 1e-6


@family("probe")
def test_probes_measure_numbers_and_draw_nothing(part):
    held_out = ItemsByUser(torch.tensor([0]), torch.tensor([1]), 3, 5)
    rng = torch.Generator().manual_seed(0)
    final = Representations(torch.randn(3, 4, generator=rng), torch.randn(5, 4, generator=rng))
    probe = part.target(held_out, 0.5)
    state = torch.get_rng_state()
    ids = torch.tensor([0, 1, 2])
    probe.see(Batch(ids, ids, ids + 1), ItemNegatives(ids + 2))
    found = probe.measure(final)
    assert all(np.isfinite(value) for value in found.values())
    assert torch.equal(torch.get_rng_state(), state)
