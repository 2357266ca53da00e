"""``ccd explain``: what a score would be without a modality, against dense restatements."""

import json

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from typer.testing import CliRunner

import ccd
from ccd.backbones.base import Representations
from ccd.cli import app
from ccd.datasets.left_out import without_modality
from ccd.finished.runs import choose_run
from ccd.graphs.nearest import nearest_items

CCDREC = "FREEDOM+DMA+NDI+CNS"
USER, ITEM = 4, 17
TINY = [
    "planted_world.n_users = 60",
    "planted_world.n_items = 60",
    "planted_world.n_clusters = 6",
    "Trainer.epochs = 2",
]


def trained(folder, backbone, *bindings):
    """A run of one backbone of ``gin/backbones``."""
    recipe = folder / "own.gin"
    recipe.write_text(f"include 'gin/base.gin'\ninclude 'gin/backbones/{backbone}.gin'\n")
    ccd.run(recipe, dataset="planted", bindings=[*TINY, *bindings], out=folder / "run")
    return ccd.load_run(folder / "run").run()


def rank_of(users, items, dataset, user=USER, item=ITEM):
    scores = items @ users[user]
    every = dataset.every
    scores[every.items[(every.users == user) & (every.items != item)]] = -torch.inf
    return 1 + int((scores > scores[item]).sum())


def dense_freedom(run, left=None, sample=None):
    """FREEDOM's representations with dense matrices; ``left`` has no share in the item graph."""
    dataset, weights = run.dataset(), run.tensors
    users, items = (weights[f"backbone.{kind}_embeddings"] for kind in ("user", "item"))
    graph = torch.zeros(dataset.n_items, dataset.n_items)
    shares = run.rebuild(dataset).backbone.item_graph._shares[:, :, 0]
    for row, (name, features) in enumerate(dataset.features.items()):
        near = nearest_items(F.normalize(torch.tensor(np.array(features)).float()), 10).ids
        for item, neighbours in enumerate(near.tolist()):
            for other in neighbours:
                if other >= 0 and name != left:
                    graph[item, other] += shares[row, item]
    side = graph @ items
    if sample is not None:
        mu = float(run.settings["DiffusionAligner.fusion_weight"])
        side = (1 - mu) * side + mu * sample
    taken = torch.from_numpy(dataset.train_matrix.toarray())
    n = len(users)
    adjacency = torch.zeros(n + len(items), n + len(items))
    adjacency[:n, n:], adjacency[n:, :n] = taken, taken.T
    scale = adjacency.sum(dim=1).clamp(min=1).rsqrt()
    adjacency = scale[:, None] * adjacency * scale
    layers = [torch.cat([users, items])]
    for _ in range(2):
        layers.append(adjacency @ layers[-1])
    mean = torch.stack(layers).mean(dim=0)
    return Representations(mean[:n], mean[n:] + side)


def test_freedom_loses_the_item_graphs_share(finished_folder):
    run = choose_run(finished_folder, "FREEDOM", 1)
    torch.testing.assert_close(
        dense_freedom(run).items, run.representations.items, rtol=1e-4, atol=1e-5
    )
    found = ccd.explain(run, USER, ITEM)
    assert found.rank == rank_of(*run.representations[:2], run.dataset())
    assert list(found.without) == ["image", "text"]
    for modality, standing in found.without.items():
        users, items, _ = dense_freedom(run, left=modality)
        assert standing.score == pytest.approx(float(users[USER] @ items[ITEM]), abs=1e-5)
        assert standing.rank == rank_of(users, items, run.dataset())
        # One layer of item graph and no DMA: what is lost is what the path has.
        lost = found.score - standing.score
        assert lost == pytest.approx(found.paths[f"item graph: {modality}"], abs=1e-5)
        assert lost != 0


def test_dma_denoises_under_the_condition_of_the_others(finished_folder):
    run = choose_run(finished_folder, CCDREC, 1)
    model = run.rebuild(run.dataset())
    found = ccd.explain(run, USER, ITEM)
    for modality, standing in found.without.items():
        samples = []
        for table in (None, modality):
            again = run.rebuild(run.dataset())
            if table is not None:  # an item that lacks the modality is seen by the bias alone
                raw = again.backbone.projector._raw
                raw[table] = torch.zeros_like(raw[table])
            samples.append(again.resample(torch.Generator().manual_seed(0)))
        assert not torch.allclose(*samples)
        sample = model.sample + samples[1] - samples[0]
        users, items, _ = dense_freedom(run, left=modality, sample=sample)
        assert standing.score == pytest.approx(float(users[USER] @ items[ITEM]), abs=1e-5)
        assert standing.rank == rank_of(users, items, run.dataset())


def test_what_nothing_reads_changes_nothing(finished_folder):
    """The sample's noise is no part of the difference."""
    run = choose_run(finished_folder, CCDREC, 1)
    weights = run.weights  # DMA's map of texts sees nothing, and the text graph weighs nothing
    model = run.rebuild(run.dataset())
    weights["backbone.projector.maps.text.weight"].zero_()
    model.restore(weights, model.sample)
    left = run.untrained(without_modality(run.dataset(), "text"))
    left.restore(weights, None)
    samples = [one.resample(torch.Generator().manual_seed(0)) for one in (model, left)]
    torch.testing.assert_close(*samples)


def test_vbpr_loses_the_features_and_keeps_the_bias(tmp_path):
    run = trained(tmp_path, "vbpr")
    found = ccd.explain(run, USER, ITEM)
    users, items, _ = run.representations
    dataset = run.dataset()
    for modality, standing in found.without.items():
        features = torch.tensor(np.array(dataset.features[modality])).float()
        lost = features @ run.tensors[f"backbone.projector.maps.{modality}.weight"].T
        changed = items.clone()
        changed[:, 64:] -= lost
        assert standing.score == pytest.approx(float(users[USER] @ changed[ITEM]), abs=1e-4)
        assert standing.rank == rank_of(users, changed, dataset)


def test_trained_features_are_left_out_too(tmp_path):
    run = trained(tmp_path, "vbpr", "LinearProjector.trainable = True")
    found = ccd.explain(run, USER, ITEM)
    users = run.representations.users
    features = run.tensors["backbone.projector.tables.image"][ITEM]
    lost = users[USER, 64:] @ (run.tensors["backbone.projector.maps.image.weight"] @ features)
    assert found.without["image"].score == pytest.approx(found.score - float(lost), abs=1e-4)


def test_bm3_reads_features_in_training_alone(tmp_path):
    found = ccd.explain(trained(tmp_path, "bm3"), USER, ITEM)
    for standing in found.without.values():
        assert standing == (pytest.approx(found.score, abs=1e-6), found.rank)


@pytest.mark.parametrize("backbone", ["lattice", "mgcn", "smore", "pgl", "dragon", "soil", "gume"])
def test_without_any_of_them_the_score_is_a_number(tmp_path, backbone):
    found = ccd.explain(trained(tmp_path, backbone), USER, ITEM)
    for standing in found.without.values():
        assert np.isfinite(standing.score)
        assert standing.score != pytest.approx(found.score, abs=1e-7)
        assert 1 <= standing.rank <= 60


def test_who_reads_no_features_has_nothing_to_leave_out(tmp_path):
    run = trained(tmp_path, "lightgcn")
    assert ccd.explain(run, USER, ITEM).without == {}
    words = ["explain", str(tmp_path / "run"), "--user", "4", "--item", "17"]
    assert "this model reads no features" in CliRunner().invoke(app, words).stdout


def test_a_model_that_is_not_built_as_it_was_says_so(finished_folder, monkeypatch):
    run = choose_run(finished_folder, "FREEDOM", 1)
    forward = type(run.rebuild(run.dataset()).backbone).forward

    def shifted(self, *given):
        users, items, _ = forward(self, *given)
        return Representations(users, items + 0.1)

    monkeypatch.setattr("ccd.backbones.freedom.FREEDOM.forward", shifted)
    assert ccd.explain(run, USER, ITEM).without is None


def test_the_weights_of_the_others_stay(finished_folder):
    run = choose_run(finished_folder, "FREEDOM", 1)
    dataset = run.dataset()
    graphs = [
        run.untrained(one).backbone.item_graph
        for one in (dataset, without_modality(dataset, "text"))
    ]
    shares = [graph._shares[graph.modalities.index("image")] for graph in graphs]
    torch.testing.assert_close(*shares)
    ones = torch.ones(dataset.n_items, 1)
    assert not graphs[1].by_modality(ones)["text"].any()


def test_the_command_shows_score_change_and_rank(finished_folder):
    words = ["explain", str(finished_folder), "--user", "4", "--item", "17"]
    shown = CliRunner().invoke(app, words).stdout
    assert "the same model where no item has a modality" in shown
    found = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert found["without"].keys() == {"image", "text"}
    assert found["without"]["image"].keys() == {"score", "rank"}
