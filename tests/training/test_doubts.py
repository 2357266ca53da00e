"""Numbers that break name what broke them; numbers nobody should trust are told."""

import numpy as np
import pytest
import torch

import ccd
from ccd.backbones.base import Representations
from ccd.errors import NumericError
from ccd.runs.records import SilentObserver
from ccd.training.doubts import collapsed, huge_loss
from tests.datasets.files import random_features, write_dataset

TINY = [
    "planted_world.n_users = 60",
    "planted_world.n_items = 60",
    "planted_world.n_clusters = 6",
    "Trainer.epochs = 2",
    "Ablation.seeds = (7,)",
]


class Listener(SilentObserver):
    def __init__(self):
        super().__init__()
        self.notes = []

    def note(self, message):
        self.notes.append(message)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))


def run(tmp_path, *bindings, name="vbpr"):
    heard = Listener()
    ccd.run(
        f"recipes/systems/{name}.gin", bindings=[*TINY, *bindings], out=tmp_path / "run",
        observer=heard,
    )  # fmt: skip
    return heard.notes


@pytest.mark.parametrize(
    ("bindings", "keys", "hint"),
    [
        (["Trainer.learning_rate = 1e38"], ("Trainer.learning_rate",), "lower Trainer.learning_ra"),
        (["adam.epsilon = 1e-300"], ("adam.epsilon",), "raise adam.epsilon, which float32 takes"),
        (
            ["adam.epsilon = 1e-300", "Trainer.learning_rate = 1e38"],
            ("adam.epsilon", "Trainer.learning_rate"),
            ", or lower Trainer.learning_rate (now 1e+38)",
        ),
    ],
)
def test_what_broke_the_numbers_is_named_with_variant_and_seed(tmp_path, bindings, keys, hint):
    with pytest.raises(NumericError, match="variant 'VBPR', seed 7: ") as caught:
        run(tmp_path, *bindings)
    assert caught.value.keys == keys
    assert hint in caught.value.hint


def test_features_are_suspected_before_the_learning_rate(tmp_path):
    np.save(write_dataset(tmp_path / "mini") / "image_feat.npy", random_features() * 1e30)
    (tmp_path / "mini.gin").write_text(
        "Experiment.dataset = @mmrec_dataset\nmmrec_dataset.name = 'mini'\n"
        "mmrec_dataset.interactions = 'mini.inter'\n"
        "mmrec_dataset.features = {'image': 'image_feat.npy'}\n"
    )
    with pytest.raises(NumericError, match="variant 'VBPR', seed 7: ") as caught:
        ccd.run(
            "recipes/systems/vbpr.gin",
            dataset=str(tmp_path / "mini.gin"),
            data_dir=tmp_path,
            bindings=[*TINY[3:], "FullRanking.cutoffs = (2,)", "FullRanking.select = 'recall@2'"],
            out=tmp_path / "run",
        )
    assert caught.value.keys == ("mmrec_dataset.features",)
    assert "scale the image features, which reach" in caught.value.hint


def test_a_huge_loss_is_told_once_and_an_ordinary_one_is_not(tmp_path):
    told = run(tmp_path, "VBPR.reg_weight = 1e12")
    (note,) = (note for note in told if "loss term" in note)
    assert note.startswith("VBPR, seed 7, epoch 0: loss term 'backbone' is ")
    assert "e+" in note
    assert huge_loss({"random": 0.69, "total": 40.0}) is None
    assert huge_loss({"random": -4e13}) is not None


def test_collapsed_scores_are_told():
    users, items = torch.randn(2000, 8), torch.randn(900, 8)
    assert collapsed(Representations(users, items)) is None
    for flat in (
        Representations(users, torch.zeros(900, 8)),
        Representations(users, items[:1].expand(900, -1)),
        Representations(torch.zeros(2000, 8), items),
    ):
        assert "users have the same score for every item" in collapsed(flat)
