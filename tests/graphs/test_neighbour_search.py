import logging
import sys

import numpy as np
import pytest
import torch
from usearch.index import Index

from ccd.config.recipe import load_recipe
from ccd.errors import ResourceError
from ccd.graphs import neighbour_search
from ccd.graphs.nearest import exact_search
from ccd.graphs.neighbour_search import approximate_search


def clustered(n=3000, dim=32):
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(n // 30, dim))
    return (centres[rng.integers(len(centres), size=n)] + rng.normal(size=(n, dim))).astype("f4")


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))


def test_it_finds_nearly_the_neighbours_of_all_cosines_and_says_how_many(caplog):
    features = clustered()
    features[[5, 70]] = 0.0
    exact = exact_search(features, 10)
    with caplog.at_level(logging.WARNING, "ccd"):
        found = approximate_search(features, 10)
    shared = [
        len(set(a) & set(b)) / 10
        for a, b in zip(found.ids.tolist(), exact.ids.tolist(), strict=True)
        if -1 not in b
    ]
    assert np.mean(shared) > 0.98
    assert f"found {100 * np.mean(shared):.0f}"[:8] in caplog.text
    assert torch.equal(found.ids[[5, 70]], exact.ids[[5, 70]])
    assert torch.equal(found.ids[:, 0], torch.arange(3000))
    unit = torch.nn.functional.normalize(torch.from_numpy(features), dim=1)
    cosines = (unit[found.ids.clamp(min=0)] @ unit[:, :, None])[:, :, 0]
    torch.testing.assert_close(found.cosines[6:70], cosines[6:70])
    assert not torch.isin(torch.tensor([5, 70]), found.ids[6:70]).any()


def test_equal_features_give_equal_neighbours_and_a_narrow_search_finds_fewer(
    tmp_path, monkeypatch
):
    features = clustered()
    first = approximate_search(features, 10, expansion=10, connectivity=4)
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "another"))
    again = approximate_search(features, 10, expansion=10, connectivity=4)
    assert torch.equal(first.ids, again.ids)
    exact = exact_search(features, 10)
    assert (first.ids == exact.ids).float().mean() < 0.98


def test_fewer_items_than_neighbours_are_padded():
    features = clustered(60)
    features[4:] = 0.0
    found = approximate_search(features, 6)
    assert (found.ids[:4] >= 0).sum(dim=1).tolist() == [4] * 4
    assert (found.ids[4:, 1:] == -1).all()


@pytest.mark.parametrize("n_present", [1, 2])
def test_hardly_any_item_has_the_modality(n_present):
    features = clustered(60)
    features[n_present:] = 0.0
    found = approximate_search(features, 3)
    assert torch.equal(found.ids[:n_present, 0], torch.arange(n_present))
    assert (found.ids[:n_present] >= 0).sum(dim=1).tolist() == [n_present] * n_present


def test_lists_begin_with_the_item_and_fall_in_cosine_where_many_items_are_equal(monkeypatch):
    features = clustered(400)
    features[100:200] = features[100]  # more twins than a list holds: the index leaves some out
    monkeypatch.setattr(neighbour_search, "_BLOCK_CELLS", 7 * 10 * 32)  # several blocks
    found = approximate_search(features, 10)
    assert torch.equal(found.ids[:, 0], torch.arange(400))
    assert all(len(set(row)) == 10 for row in found.ids.tolist())
    assert (found.cosines[:, 1:].diff(dim=1) <= 0).all()
    torch.testing.assert_close(found.cosines[100:200], torch.ones(100, 10))


def test_a_list_that_the_index_leaves_short_is_padded(monkeypatch):
    whole = Index.search

    def short(self, *args, **keywords):
        found = whole(self, *args, **keywords)
        found.counts[:] = 4  # the keys behind are whatever the memory held
        return found

    monkeypatch.setattr(Index, "search", short)
    found = approximate_search(clustered(60), 6)
    assert (found.ids[:, :4] >= 0).all()
    assert (found.ids[:, 4:] == -1).all()
    assert (found.cosines[:, 4:] == 0).all()


def test_a_recipe_names_it():
    recipe = load_recipe(
        "recipes/ablation_freedom.gin",
        bindings=["knn_graph.search = @approximate_search", "Trainer.epochs = 1"],
        only=["FREEDOM"],
    )
    graph = recipe.graphs["FREEDOM"]
    dataset = graph.root["dataset"].value.factory()([])
    exact = load_recipe("recipes/ablation_freedom.gin", only=["FREEDOM"]).graphs["FREEDOM"]
    ours, theirs = (
        each.factory()().assemble(dataset, 1).backbone.item_graph(torch.eye(dataset.n_items))
        for each in (graph, exact)
    )
    assert ((ours > 0) == (theirs > 0)).float().mean() > 0.999


def test_without_its_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    with pytest.raises(ResourceError, match=r"an approximate search needs the package usearch.*"):
        approximate_search(clustered(), 5)


def test_the_share_that_was_found_leaves_padding_out(caplog):
    with caplog.at_level(logging.WARNING, "ccd"):
        approximate_search(np.concatenate([clustered()[:6], np.zeros((9, 32), "f4")]), 10)
    assert "found 100.0 % of the true neighbours of 6 items" in caplog.text
