"""Every registered curriculum, without an edit here."""

import pytest

from ccd import catalogue
from ccd.registry import components

catalogue.load()


@pytest.mark.parametrize("curriculum", components("curriculum"), ids=lambda c: c.name)
@pytest.mark.parametrize("n_pools", [1, 2, 4, 7])
class TestCurricula:
    def test_index_is_a_pool_or_the_final_representations(self, curriculum, n_pools):
        indices = [curriculum.target(epoch, n_pools) for epoch in range(200)]
        assert all(isinstance(index, int) and 0 <= index <= n_pools for index in indices)

    def test_never_steps_back(self, curriculum, n_pools):
        indices = [curriculum.target(epoch, n_pools) for epoch in range(200)]
        assert indices == sorted(indices)
