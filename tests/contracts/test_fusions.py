"""Every registered fusion, without an edit here."""

import pytest
import torch

from ccd import catalogue
from ccd.backbones.fusion import Fusion
from ccd.errors import ConfigError
from ccd.registry import components

catalogue.load()


def table(seed=0):
    return torch.randn(6, 4, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("fusion", components("fusion"), ids=lambda c: c.name)
class TestFusions:
    def test_it_names_its_site(self, fusion):
        fused = fusion.target(torch.tensor([1, 4]), torch.ones(2, 4), 0.5)
        assert fused.site in ("final", "ego", "ego_id")
        assert fused.items.tolist() == [1, 4]

    def test_only_fused_rows_depend_on_the_denoised(self, fusion):
        items = torch.tensor([1, 4])
        first, second = (
            fusion.target(items, value, 0.5).mixed(table())
            for value in (torch.zeros(2, 4), torch.ones(2, 4))
        )
        assert (first - second).abs().sum(1).nonzero()[:, 0].tolist() == [1, 4]

    def test_weight_zero_ignores_the_denoised(self, fusion):
        items = torch.tensor([1, 4])
        first, second = (
            fusion.target(items, torch.full((2, 4), value), 0.0).mixed(table())
            for value in (0.0, 9.0)
        )
        torch.testing.assert_close(first, second)

    def test_rows_of_some_owners_are_those_of_the_whole(self, fusion):
        fused = fusion.target(torch.tensor([1, 4]), torch.ones(2, 4), 0.5)
        whole = fused.mixed(table())
        for owners in (torch.tensor([0, 1, 4]), torch.tensor([2, 4, 5]), torch.tensor([0])):
            assert torch.equal(fused.mixed(table()[owners], owners), whole[owners])

    def test_inputs_are_not_written_to(self, fusion):
        given, items, denoised = table(), torch.tensor([0]), torch.ones(1, 4)
        fusion.target(items, denoised, 0.5).mixed(given)
        assert torch.equal(given, table())
        assert torch.equal(denoised, torch.ones(1, 4))


def test_a_site_that_no_backbone_knows_is_refused():
    rows = torch.zeros(1, 2)
    with pytest.raises(ConfigError, match="must be one of 'final', 'ego', 'ego_id', got 'finall'"):
        Fusion("finall", torch.tensor([0]), rows, 0.5)
