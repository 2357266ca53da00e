"""Every registered fusion, without an edit here."""

import pytest
import torch

from ccd import catalogue
from ccd.backbones.base import rows_of
from ccd.diffusion.fusion import Estimate
from ccd.registry import components

catalogue.load()


@pytest.fixture
def tables():
    rng = torch.Generator().manual_seed(0)
    return torch.randn(6, 4, generator=rng), torch.randn(6, 4, generator=rng)


@pytest.mark.parametrize("fusion", components("fusion"), ids=lambda c: c.name)
class TestFusions:
    def test_only_fused_rows_depend_on_the_denoised(self, fusion, tables):
        ids, higher = tables
        items = torch.tensor([1, 4])
        first, second = (
            fusion.target(ids, rows_of(higher), None, Estimate(items, value, 0.5))
            for value in (torch.zeros(2, 4), torch.ones(2, 4))
        )
        changed = sum((a - b).abs().sum(1) for a, b in zip(first, second, strict=True)) > 0
        assert changed.nonzero()[:, 0].tolist() == [1, 4]

    def test_wanted_rows_are_those_of_the_whole(self, fusion, tables):
        ids, higher = tables
        estimate = Estimate(torch.tensor([1, 4]), torch.ones(2, 4), 0.5)
        ego, side = fusion.target(ids, rows_of(higher), None, estimate)
        for wanted in (torch.tensor([0, 1, 4]), torch.tensor([2, 4, 5]), torch.tensor([0])):
            same_ego, rows = fusion.target(ids, rows_of(higher), wanted, estimate)
            assert torch.equal(same_ego, ego)
            assert torch.equal(rows, side[wanted])

    def test_inputs_are_not_written_to(self, fusion, tables):
        ids, higher = (t.clone() for t in tables)
        estimate = Estimate(torch.tensor([0]), torch.ones(1, 4), 0.5)
        fusion.target(tables[0], rows_of(tables[1]), None, estimate)
        assert torch.equal(ids, tables[0])
        assert torch.equal(higher, tables[1])
