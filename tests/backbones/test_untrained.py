from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

import ccd
from ccd.backbones.feature_knn import FeatureKNN
from ccd.backbones.untrained import ItemKNN, Popularity
from ccd.evaluation.held_out import HeldOut
from ccd.evaluation.metrics import recall
from ccd.evaluation.ranking import FullRanking, best_items
from ccd.graphs import co_occurrence
from ccd.graphs.items_by_user import ItemsByUser
from tests.backbones.worlds import CPU, N_ITEMS, N_USERS, dataset, world

SMALL = ("planted_world.n_users = 120", "planted_world.n_items = 150", "Trainer.epochs = 3")


def train_table(data):
    table = np.zeros((N_USERS, N_ITEMS))
    table[data.train.users, data.train.items] = 1
    return table


def by_hand(data, k, shrinkage):
    """The scores of ItemKNN after its definition, NaN where an item shares no user."""
    table = train_table(data)
    shared, users = table.T @ table, table.sum(0)
    similarity = shared / (np.sqrt(np.outer(users, users)) + shrinkage)
    np.fill_diagonal(similarity, 0)
    for row in similarity:
        row[np.argsort(-row, kind="stable")[k:]] = 0
    scores = table @ similarity.T
    return np.where(scores > 0, scores, np.nan)


def scores_of(model, data, k=N_ITEMS):
    """All scores ``[n_users, n_items]``; nothing is masked, NaN where there is none."""
    none = torch.empty(0, dtype=torch.int64)
    seen = ItemsByUser(none, none, data.n_users, data.n_items)
    table = np.full((data.n_users, data.n_items), np.nan)
    for users, items, scores in best_items(model(), torch.arange(data.n_users), seen, k, 100):
        for user, row, values in zip(users.tolist(), items.numpy(), scores.numpy(), strict=True):
            table[user, row[row >= 0]] = values[row >= 0]
    return table


def test_popularity_is_the_number_of_training_interactions():
    data = dataset()
    found = scores_of(Popularity(world(data)), data)
    np.testing.assert_array_equal(found, np.tile(train_table(data).sum(0), (N_USERS, 1)))


@pytest.mark.parametrize(("k", "shrinkage"), [(1, 0.0), (3, 0.0), (3, 5.0), (100, 2.5)])
def test_item_knn_is_its_definition(k, shrinkage, monkeypatch):
    monkeypatch.setattr(co_occurrence, "_BLOCK_CELLS", 4 * N_ITEMS)  # several blocks
    data = dataset()
    found = scores_of(ItemKNN(world(data), k=k, shrinkage=shrinkage), data)
    np.testing.assert_allclose(found, by_hand(data, k, shrinkage), rtol=1e-5)
    assert k > 1 or np.isnan(found).any()


def test_what_has_no_score_is_no_hit_though_the_list_ends_early():
    data = dataset()
    model = ItemKNN(world(data), k=1)
    users, items = (torch.from_numpy(x) for x in (data.train.users, data.train.items))
    seen = ItemsByUser(users, items, data.n_users, data.n_items)
    evaluator = FullRanking(metrics={"recall": recall}, cutoffs=(20,), select="recall@20")
    held_out = HeldOut(data.test, data.n_users, data.n_items, CPU)
    found = evaluator.evaluate(model(), held_out, seen).per_user["recall@20"]
    scores = by_hand(data, 1, 500.0)
    for user, value in zip(held_out.users.tolist(), found.tolist(), strict=True):
        relevant = data.test.items[data.test.users == user]
        assert value == pytest.approx(np.mean(~np.isnan(scores[user, relevant])))
    lists = torch.cat([x for _, x in evaluator.lists(model(), held_out.users, seen)])
    assert (lists < 0).any()
    measured = evaluator.measure(lists, held_out).per_user["recall@20"]
    assert torch.equal(measured, found)


def test_an_item_without_interactions_is_nobodys_neighbour():
    data = dataset()
    keep = data.train.items != 3
    train = replace(data.train, users=data.train.users[keep], items=data.train.items[keep])
    data = replace(data, train=train)
    found = scores_of(ItemKNN(world(data)), data)
    assert np.isnan(found[:, 3]).all()


@pytest.fixture(scope="module")
def floors(tmp_path_factory):
    run = partial(ccd.run, "recipes/backbones.gin", bindings=SMALL, seeds=(1,))
    return run(only=["Popularity", "ItemKNN", "BPR-MF"], out=tmp_path_factory.mktemp("floors"))


def test_they_run_like_any_backbone_in_one_evaluation(floors):
    for name in ("Popularity", "ItemKNN"):
        (result,) = floors[name]
        assert (result.epochs, result.best_epoch) == (1, 0)
        assert result.valid["recall@20"] > 0
    assert floors["BPR-MF"][0].epochs == 3
    assert [epoch.losses for epoch in floors.run("ItemKNN").history] == [{}]
    assert floors["ItemKNN"][0].test["recall@20"] > floors["Popularity"][0].test["recall@20"]


def test_a_finished_run_recommends_and_is_rebuilt(floors):
    run = floors.run("ItemKNN")
    assert run.representations.users.is_sparse
    data = run.dataset()
    found = ccd.recommend(run, k=5)
    taken = set(zip(data.train.users.tolist(), data.train.items.tolist(), strict=True))
    rows = [(u, i) for u, row in enumerate(found.items.tolist()) for i in row if i >= 0]
    assert rows
    assert not taken & set(rows)
    rebuilt = run.rebuild(data).infer()
    for ours, theirs in zip(rebuilt[:2], run.representations[:2], strict=True):
        assert torch.equal(ours.to_dense(), theirs.to_dense())


def test_parts_that_need_training_are_refused():
    for part, words in (("gin/modules/dma.gin", "no item ID"), ("gin/modules/dns.gin", "without")):
        with pytest.raises(ccd.CcdError, match=words):
            ccd.run("recipes/backbones.gin", only=["ItemKNN"], with_files=[part], bindings=SMALL)


def test_figures_of_learned_spaces_and_negatives_are_refused_and_the_others_drawn(floors):
    for figure in ("curves", "ablation", "cost"):
        assert ccd.plot(floors.folder, figure)
    for figure, words in (("tsne", "learned nothing"), ("negatives", "no items as hard")):
        with pytest.raises(ccd.CcdError, match=words):
            ccd.plot(floors.folder, figure, variant="ItemKNN")
    assert floors.run().result.variant == "BPR-MF"  # what learned something comes first


def test_feature_knn_is_its_definition():
    data = dataset()
    found = scores_of(FeatureKNN(world(data), k=3), data)
    similarity = np.zeros((N_ITEMS, N_ITEMS))
    for table in data.features.values():
        unit = table / np.linalg.norm(table, axis=1, keepdims=True)
        cosines = unit @ unit.T
        np.fill_diagonal(cosines, -np.inf)
        for item, row in enumerate(cosines):
            nearest = np.argsort(-row)[:3]
            similarity[item, nearest] += row[nearest] / len(data.features)
    expected = train_table(data) @ similarity.T
    taken = train_table(data) @ (similarity != 0).T > 0
    np.testing.assert_allclose(found[taken], expected[taken], rtol=1e-4, atol=1e-6)
    assert np.isnan(found[~taken]).all()
