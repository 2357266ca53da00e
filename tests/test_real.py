"""Slow checks on the real data sets (make test-real)."""

import pytest
import torch

import ccd
from ccd.config.recipe import load_recipe
from ccd.graphs.engines import DglEngine, TorchEngine
from ccd.graphs.item_knn import knn_graph
from ccd.graphs.mean_convolution import MeanConvolution
from ccd.graphs.pruning import draw_edges
from ccd.graphs.user_item import UserItemGraph

pytestmark = pytest.mark.real
RECIPE = "recipes/ablation_freedom.gin"


@pytest.fixture(scope="module")
def baby(real_data):
    node = load_recipe(RECIPE, dataset="baby").graphs["FREEDOM"].root["dataset"].value
    return node.factory()([real_data])


def graph(data, engine):
    users, items = (torch.from_numpy(t) for t in (data.train.users, data.train.items))
    return UserItemGraph(users, items, data.n_users, data.n_items, engine)


def test_edges_kept_per_epoch_on_baby(baby):
    full = graph(baby, DglEngine())
    kept = draw_edges(full, full.degrees, 0.8, torch.Generator().manual_seed(0))
    assert len(kept) == 23_710


def test_item_graph_rows_sum_to_one_on_baby(baby):
    built = knn_graph(baby, DglEngine(), torch.device("cpu"))
    torch.testing.assert_close(built(torch.ones(baby.n_items, 1)), torch.ones(baby.n_items, 1))


def test_engines_agree_on_baby(baby):
    rng = torch.Generator().manual_seed(0)
    users = torch.randn(baby.n_users, 16, generator=rng)
    items = torch.randn(baby.n_items, 16, generator=rng)
    weight = torch.randn(baby.n_users + baby.n_items, 16, generator=rng)
    values, gradients = [], []
    for engine in (DglEngine(), TorchEngine()):
        operator = MeanConvolution(graph(baby, engine), 2)
        values.append(operator(users, items))
        gradients.append(operator.adjoint(weight))
    torch.testing.assert_close(*values, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(*gradients, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "n_users", "n_items", "modalities"),
    [
        ("sports", 35598, 18357, ["image", "text"]),
        ("lfm2k", 1858, 1425, ["text", "vggish", "whisper"]),
    ],
)
def test_other_data_sets_load_by_name(real_data, name, n_users, n_items, modalities):
    graph = load_recipe(RECIPE, dataset=name).graphs["FREEDOM"]
    loaded = graph.root["dataset"].value.factory()([real_data])
    assert (loaded.n_users, loaded.n_items, list(loaded.features)) == (n_users, n_items, modalities)
    assert set(loaded.neighbours) == ({"image", "text"} if name == "sports" else set())
    assert loaded.item_names[:1] == (("Groove Armada",) if name == "lfm2k" else ())


@pytest.mark.parametrize(("dataset", "recall"), [("baby", 0.06), ("tiktok", 0.05)])
def test_a_few_epochs_on_real_data(real_data, tmp_path, dataset, recall):
    """Far from trained, but a broken part does not get here."""
    done = ccd.run(
        RECIPE,
        dataset=dataset,
        data_dir=real_data,
        seeds=(999,),
        only=["FREEDOM", "FREEDOM+DMA+NDI+CNS"],
        bindings=["Trainer.epochs = 8"],
        out=tmp_path / "run",
    )
    for result in done.results:
        assert result.valid["recall@20"] > recall
        assert result.peak_rss_mb < 1500


def test_tiktoks_cold_items_are_placed_by_their_features(real_data, tmp_path):
    """They get the length of the others, which they lack where chance put them."""
    only = ["FeatureKNN", "FREEDOM", "FREEDOM, unplaced"]
    done = ccd.run(
        "recipes/cold_items.gin",
        dataset="tiktok",
        data_dir=real_data,
        seeds=(999,),
        only=only,
        bindings=["Trainer.epochs = 4"],
        out=tmp_path / "run",
    )
    cold = torch.from_numpy(done.run(only[0]).dataset().train_per_item == 0)
    assert int(cold.sum()) == 465
    placed, unplaced = (done.run(name).representations.items.norm(dim=1) for name in only[1:])
    assert placed[cold].mean() / placed[~cold].mean() > 0.8
    assert unplaced[cold].mean() / unplaced[~cold].mean() < 0.8
    lists = ccd.recommend(done.run(only[0]), k=20).items
    assert cold[torch.from_numpy(lists[lists >= 0])].any()
