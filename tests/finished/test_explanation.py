"""``ccd explain``: the parts of a score add up to it."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import ccd
from ccd.cli import app
from ccd.errors import ConfigError

WITHOUT = ["ID convolution", "item graph: image", "item graph: text"]
TINY = [
    "planted_world.n_users = 60",
    "planted_world.n_items = 60",
    "planted_world.n_clusters = 6",
    "Trainer.epochs = 2",
    "knn_graph.n_layers = 2",
]


@pytest.fixture(scope="module", params=["final", "ego", "ego_id"])
def fused(request, tmp_path_factory):
    """A run of FREEDOM+DMA with each site of the fusion."""
    folder = tmp_path_factory.mktemp(request.param) / "run"
    bindings = [*TINY, f"DiffusionAligner.fusion = @{request.param}_fusion"]
    ccd.run(
        "recipes/ablation_freedom.gin", dataset="planted", bindings=bindings,
        only=["FREEDOM+DMA"], seeds=[1], out=folder,
    )  # fmt: skip
    return ccd.load_run(folder).run()


def check(run, paths):
    users, items, _ = run.representations
    for user, item in ((0, 0), (7, 31), (59, 59)):
        found = ccd.explain(run, user, item)
        score = float(users[user] @ items[item])
        assert list(found.paths) == paths
        assert found.score == pytest.approx(score)
        assert sum(found.paths.values()) == pytest.approx(score, rel=1e-4, abs=1e-6)
        assert all(part != 0 for part in found.paths.values())


def test_parts_add_up_to_the_score(finished_folder):
    check(ccd.load_run(finished_folder).run("FREEDOM", seed=1), WITHOUT)


def test_parts_add_up_with_dma_wherever_it_enters(fused):
    check(fused, [*WITHOUT, "DMA"])


def test_what_dma_adds_is_its_sample(fused):
    if fused.settings["DiffusionAligner.fusion"] != "@final_fusion":
        pytest.skip("elsewhere the sample is convolved")
    weight = float(fused.settings["DiffusionAligner.fusion_weight"])
    part = fused.representations.users[3] @ fused.tensors["aligned_items"][5] * weight
    assert ccd.explain(fused, 3, 5).paths["DMA"] == pytest.approx(float(part), rel=1e-4)


def test_parts_of_the_graph_follow_its_weights(finished_folder):
    """By hand: the mean of an item's neighbours of one modality, times the modality's weight."""
    run = ccd.load_run(finished_folder).run("FREEDOM", seed=1)
    features = torch.from_numpy(np.array(run.dataset().features["image"], dtype=np.float32))
    unit = torch.nn.functional.normalize(features)
    item = int(features.any(dim=1).nonzero()[2])
    near = (unit @ unit[item]).topk(10).indices
    weight = float(run.rebuild(run.dataset()).backbone.item_graph._shares[0, item, 0]) * 10
    side = weight * run.tensors["backbone.item_embeddings"][near].mean(dim=0)
    found = ccd.explain(run, 4, item)
    by_hand = float(run.representations.users[4] @ side)
    assert found.paths["item graph: image"] == pytest.approx(by_hand, rel=1e-3, abs=1e-6)


def test_the_users_own_items_are_ordered_by_cosine(finished_folder):
    run = ccd.load_run(finished_folder).run("FREEDOM", seed=1)
    train = run.dataset().train
    own = train.items[train.users == 9]
    found = ccd.explain(run, 9, own[0]).history
    vectors = torch.nn.functional.normalize(run.representations.items)
    others = [int(i) for i in own[1:]]
    wanted = sorted(others, key=lambda i: -float(vectors[i] @ vectors[own[0]]))[:5]
    assert found.items.tolist() == wanted
    assert own[0] not in found.items


def test_a_backbone_that_does_not_split_says_so(tmp_path):
    recipe = tmp_path / "own.gin"
    recipe.write_text("include 'gin/base.gin'\ninclude 'gin/backbones/vbpr.gin'\n")
    ccd.run(recipe, dataset="planted", bindings=TINY[:4], out=tmp_path / "run")
    assert ccd.explain(tmp_path / "run", 1, 2).paths is None
    words = ["explain", str(tmp_path / "run"), "--user", "1", "--item", "2"]
    shown = CliRunner().invoke(app, words).stdout
    assert "this backbone does not split its score" in shown


def test_parts_that_no_longer_add_up_are_not_shown(finished_folder, monkeypatch):
    run = ccd.load_run(finished_folder).run("FREEDOM", seed=1)
    monkeypatch.setattr(
        "ccd.backbones.freedom.FREEDOM.paths", lambda self, fusion: {"x": self.item_embeddings}
    )
    assert ccd.explain(run, 1, 2).paths is None


def test_strangers_cannot_be_explained(finished_folder):
    with pytest.raises(ConfigError, match="no '60' in the data set"):
        ccd.explain(finished_folder, 60, 1)
    with pytest.raises(ConfigError, match="no item '60'"):
        ccd.explain(finished_folder, 1, 60)


def test_the_command_shows_the_parts(finished_folder):
    words = ["explain", str(finished_folder), "--user", "3", "--item", "5"]
    shown = CliRunner().invoke(app, words)
    assert "item graph: text" in shown.stdout, shown.output
    found = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert found == json.loads(json.dumps(ccd.explain(finished_folder, 3, 5).to_json()))
