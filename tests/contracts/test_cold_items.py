"""Items without interactions on every registered backbone, under every rule of length."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ccd import catalogue
from ccd.backbones.base import Representations
from ccd.backbones.untrained import Untrained
from ccd.cold_items.placing import ColdItems, refuse_no_features
from ccd.cold_items.scales import mean_norm, unscaled
from ccd.datasets.dataset import Interactions
from ccd.errors import ConfigError
from ccd.graphs.engines import DglEngine
from ccd.registry import components
from tests.backbones.worlds import CPU, N_ITEMS, N_USERS, dataset
from tests.contracts.test_backbones import build, dense

catalogue.load()
COLD = 3


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def without_interactions(like=None):
    """The tiny data set, where nobody has taken item 3; its features are those of item ``like``."""
    data = dataset()
    kept = data.train.items != COLD
    features = {name: table.copy() for name, table in data.features.items()}
    if like is not None:
        for table in features.values():
            table[COLD] = table[like]
    train = Interactions(data.train.users[kept], data.train.items[kept])
    return replace(data, train=train, features=features, fingerprint=f"cold-{like}")


def placed(component, data, scale=unscaled):
    model = build(component, data=data).eval()
    cold = ColdItems(model, data, DglEngine(), torch.tensor([COLD]), scale=scale)
    cold.place()
    found = Representations(*dense(model()))
    return model, Representations(found.users, cold.scaled(found.items, cold.factors(found)))


@pytest.mark.parametrize("backbone", components("backbone"), ids=lambda c: c.name)
class TestBackbones:
    def test_every_table_with_a_row_for_each_is_declared(self, backbone):
        model = build(backbone, trainable=True)
        rows = {name: len(table) for name, table in model.state_dict().items() if table.dim()}
        for n, declared in ((N_USERS, model.tables_of_users), (N_ITEMS, model.tables_of_items)):
            assert {name for name, length in rows.items() if length == n} == set(declared)

    def test_features_tell_an_item_from_others_where_that_is_declared(self, backbone):
        found = []
        for like in (7, 11):
            data = without_interactions(like)
            if backbone.target.reads_features:
                found.append(placed(backbone, data)[1].items[COLD])
            else:
                found.append(dense(build(backbone, data=data).eval()())[1][COLD])
        assert torch.allclose(*found, atol=1e-6) != backbone.target.reads_features

    def test_what_reads_no_features_is_refused_without_dma(self, backbone):
        model, data = build(backbone), dataset()
        refuse_no_features(model, data, with_dma=True, keys=("x",))
        if backbone.target.reads_features:
            refuse_no_features(model, data, with_dma=False, keys=("x",))
        else:
            with pytest.raises(ConfigError, match="by who took them alone"):
                refuse_no_features(model, data, with_dma=False, keys=("x",))
        with pytest.raises(ConfigError, match="has no features"):
            refuse_no_features(model, replace(data, features={}), with_dma=True, keys=("x",))

    def test_an_item_is_placed_at_its_neighbours(self, backbone):
        if issubclass(backbone.target, Untrained) or not backbone.target.has_item_embeddings:
            pytest.skip("items have no ID embeddings")
        data = without_interactions(like=7)
        model, _ = placed(backbone, data)
        table = model.item_embeddings.detach()
        first, others = table.clone(), torch.arange(N_ITEMS) != COLD
        assert torch.equal(first[others], build(backbone, data=data).item_embeddings[others])
        table[7] += 1  # its twin
        ColdItems(model, data, DglEngine(), torch.tensor([COLD]), scale=unscaled).place()
        moved = table[COLD] - first[COLD]
        assert 0 < moved.mean() < 1
        torch.testing.assert_close(moved, moved.mean().expand_as(moved))

    def test_mean_norm_makes_it_as_long_as_the_others(self, backbone):
        if issubclass(backbone.target, Untrained):
            pytest.skip("tables of neighbours are not scaled")
        _, found = placed(backbone, without_interactions(like=7), mean_norm)
        others = torch.arange(N_ITEMS) != COLD
        warm = found.items[others & torch.from_numpy(without_interactions().train_per_item > 0)]
        torch.testing.assert_close(found.items[COLD].norm(), warm.norm(dim=1).mean())


@pytest.mark.parametrize("scale", components("cold_scale"), ids=lambda c: c.name)
class TestScales:
    def test_factors_are_positive_whatever_the_vectors(self, scale):
        rng = torch.Generator().manual_seed(0)
        users, warm, cold = (torch.randn(n, 8, generator=rng) for n in (50, 40, 6))
        cold[0] = 0  # without a direction
        near = torch.rand(6, generator=rng)
        near[1] = 0  # without a neighbour
        factors = scale.target(users, warm, cold, near)
        assert factors.shape == (6,)
        assert bool((factors > 0).all() & factors.isfinite().all())
        assert float(factors[0]) == 1.0

    def test_the_length_a_vector_had_does_not_matter_but_where_it_is_kept(self, scale):
        rng = torch.Generator().manual_seed(0)
        users, warm, cold = (torch.randn(n, 8, generator=rng) for n in (50, 40, 6))
        near = torch.ones(6)
        made = [
            factor * cold * scale.target(users, warm, factor * cold, near)[:, None]
            for factor in (1.0, 0.1)
        ]
        assert torch.allclose(*made, atol=1e-5) == (scale.name != "unscaled")


def test_an_item_without_neighbours_is_left_at_zero():
    data = without_interactions()
    features = {name: table.copy() for name, table in data.features.items()}
    for table in features.values():
        table[COLD] = 0
    data = replace(data, features=features, fingerprint="bare")
    freedom = next(c for c in components("backbone") if c.name == "FREEDOM")
    model, found = placed(freedom, data, mean_norm)
    assert not model.item_embeddings[COLD].any()
    assert bool(found.items.isfinite().all())


def test_a_table_of_neighbours_is_not_scaled():
    knn = next(c for c in components("backbone") if c.name == "FeatureKNN")
    data = without_interactions()
    model = build(knn, data=data)
    cold = ColdItems(model, data, DglEngine(), torch.tensor([COLD], device=CPU), scale=mean_norm)
    found = model()
    assert torch.equal(cold.factors(found), torch.ones(1))
    assert cold.scaled(found.items, torch.full((1,), 2.0)) is found.items
    assert np.array_equal(found.items.to_dense(), model.items.to_dense())
