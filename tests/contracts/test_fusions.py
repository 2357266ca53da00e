"""Every registered fusion, without an edit here."""

import pytest
import torch

from ccd import catalogue
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
        first = fusion.target(ids, higher, items, torch.zeros(2, 4), 0.5)
        second = fusion.target(ids, higher, items, torch.ones(2, 4), 0.5)
        changed = sum((a - b).abs().sum(1) for a, b in zip(first, second, strict=True)) > 0
        assert changed.nonzero()[:, 0].tolist() == [1, 4]

    def test_inputs_are_not_written_to(self, fusion, tables):
        ids, higher = (t.clone() for t in tables)
        fusion.target(*tables, torch.tensor([0]), torch.ones(1, 4), 0.5)
        assert torch.equal(ids, tables[0])
        assert torch.equal(higher, tables[1])
