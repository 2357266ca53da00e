"""Items that came after training: where they are placed, and how they are read."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
import typer
from pyarrow import parquet
from typer.testing import CliRunner

import ccd
from ccd.cli.recommend import recommend as command
from ccd.datasets.new_items import NewItems, extended
from ccd.errors import ConfigError, DataError
from ccd.finished.new_items import served, with_new_items
from ccd.finished.recommendations import recommend
from ccd.finished.runs import choose_run
from ccd.graphs.nearest import nearest_by_modality
from ccd.importing.new_items import read_new_items
from ccd.serving.export import export

CCDREC = "FREEDOM+DMA+NDI+CNS"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run(finished_folder):
    return choose_run(finished_folder, CCDREC, 1)


def like(dataset, *items):
    """New items with the features of old ones."""
    features = {name: np.array(table[list(items)]) for name, table in dataset.features.items()}
    return NewItems([f"new {item}" for item in items], features)


def whole(dataset):
    """Items that have all modalities and training interactions."""
    has = np.all([table.any(axis=1) for table in dataset.features.values()], axis=0)
    return np.flatnonzero(has & (dataset.train_per_item > 0))


@pytest.mark.parametrize("variant", ["FREEDOM", CCDREC])
def test_what_was_trained_stays_and_a_twin_stands_beside_its_item(finished_folder, variant):
    run = choose_run(finished_folder, variant, 1)
    dataset = run.dataset()
    twins = whole(dataset)[:12]
    more, found = with_new_items(run, dataset, like(dataset, *twins))
    tested = run.representations
    assert torch.equal(found.users, tested.users)
    assert torch.equal(found.items[: dataset.n_items], tested.items)
    assert (more.n_items, more.item_ids[-1]) == (len(found.items), f"new {twins[-1]}")
    new = torch.nn.functional.normalize(found.items[dataset.n_items :], dim=1)
    old = torch.nn.functional.normalize(tested.items, dim=1)
    cosines = new @ old.T
    own = cosines[torch.arange(len(twins)), torch.from_numpy(twins)]
    assert own.mean() > 2 * cosines.mean().abs()
    nearest = cosines.argsort(dim=1, descending=True)[:, :10]
    assert (nearest == torch.from_numpy(twins)[:, None]).any(dim=1).float().mean() > 0.5


def test_new_items_are_as_long_as_the_others_by_default(run):
    dataset = run.dataset()
    _, found = with_new_items(run, dataset, like(dataset, *whole(dataset)[:5]))
    norms = found.items.norm(dim=1)
    trained = norms[: dataset.n_items][torch.from_numpy(dataset.train_per_item > 0)]
    assert trained.min() < norms[dataset.n_items :].min()
    assert norms[dataset.n_items :].max() < trained.max()


def test_the_same_items_give_the_same_vectors(run):
    dataset = run.dataset()
    new = like(dataset, 3, 4)
    first, again = (with_new_items(run, dataset, new)[1].items for _ in range(2))
    assert torch.equal(first, again)


def test_new_items_are_nobodys_neighbours(run):
    dataset = run.dataset()
    more = extended(dataset, like(dataset, 0, 1, 2))
    before = nearest_by_modality(dataset, CPU, 5, setting="k")
    for modality, found in nearest_by_modality(more, CPU, 5, setting="k").items():
        assert torch.equal(found.ids[: dataset.n_items], before[modality].ids)
        assert found.ids.max() < dataset.n_items
        for place, item in enumerate((0, 1, 2)):
            if dataset.features[modality][item].any():  # its twin is the nearest of all
                assert item in found.ids[dataset.n_items + place].tolist()
            else:
                assert (found.ids[dataset.n_items + place] == -1).all()


def test_they_are_listed_and_exported(run, tmp_path):
    dataset = run.dataset()
    new = like(dataset, *whole(dataset)[:20])
    lists = recommend(run, [0, 1, 2], k=70, new_items=new, keep_seen=True)
    assert lists.items.max() == dataset.n_items + 19
    only = recommend(run, [0], k=5, new_items=new, items=new.ids)
    assert {one["item"] for record in only.records() for one in record["items"]} <= set(new.ids)
    made = export(run, tmp_path / "out", new_items=new)
    vectors = np.load(made.folder / "item_vectors.npy")
    assert len(vectors) == dataset.n_items + 20
    ids = parquet.read_table(made.folder / "items.parquet")["id"].to_pylist()
    assert ids[-20:] == list(new.ids)
    np.testing.assert_allclose(vectors, served(run, None, new)[1].items.numpy())


def test_a_backbone_without_features_refuses_them(tmp_path):
    bindings = ["planted_world.n_users = 80", "planted_world.n_items = 150", "Trainer.epochs = 1"]
    ccd.run(
        "recipes/backbones.gin", only=["BPR-MF", "LightGCN", "Popularity"], seeds=(1,),
        bindings=bindings, out=tmp_path / "run",
    )  # fmt: skip
    for variant in ("BPR-MF", "LightGCN", "Popularity"):
        run = choose_run(tmp_path / "run", variant)
        with pytest.raises(ConfigError, match="cannot place those that nobody has"):
            recommend(run, [0], new_items=like(run.dataset(), 1))


def write_folder(folder, dataset, items):
    """Vectors in a table and in an array with ids; the last item has no text."""
    folder.mkdir()
    ids = [f"new {item}" for item in items]
    table = {
        "item": ids[:-1],
        "vector": [dataset.features["text"][item].tolist() for item in items[:-1]],
    }
    parquet.write_table(pa.table(table), folder / "text.parquet")
    np.save(folder / "image.npy", dataset.features["image"][list(items)])
    (folder / "image.ids.txt").write_text("".join(f"{name}\n" for name in ids))


def test_files_of_features_are_read_by_id(run, tmp_path, finished_folder):
    dataset, items = run.dataset(), whole(run.dataset())[:4].tolist()
    write_folder(tmp_path / "new", dataset, items)
    found = read_new_items(tmp_path / "new", list(dataset.features))
    assert sorted(found.ids) == sorted(f"new {item}" for item in items)
    for row, name in enumerate(found.ids):
        item = int(name.split()[1])
        np.testing.assert_array_equal(found.features["image"][row], dataset.features["image"][item])
        text = dataset.features["text"][item] if item != items[-1] else 0
        np.testing.assert_array_equal(found.features["text"][row], text)
    app = typer.Typer()
    app.command()(command)
    options = ["--user", "0", "--k", "64", "--new-items", str(tmp_path / "new"), "--json"]
    told = CliRunner().invoke(app, [str(finished_folder), *options])
    assert told.exit_code == 0, told.output
    listed = {one["item"] for one in json.loads(told.stdout)["items"]}
    assert set(found.ids) <= listed


def test_what_is_no_new_item_is_refused(run, tmp_path):
    dataset = run.dataset()
    with pytest.raises(DataError, match="already"):
        extended(dataset, replace(like(dataset, 1), ids=["1"]))
    short = {name: table[:, :3] for name, table in like(dataset, 1).features.items()}
    with pytest.raises(DataError, match="image vectors of 64 numbers, which the new items lack"):
        extended(dataset, NewItems(["x"], short))
    (tmp_path / "image.npy").touch()
    with pytest.raises(ConfigError, match="expected one file or folder of text vectors"):
        read_new_items(tmp_path, ["text"])


@pytest.mark.parametrize(("variant", "n_paths"), [("FREEDOM", 3), (CCDREC, 4)])
def test_a_new_item_has_neighbours_and_an_explanation(finished_folder, variant, n_paths):
    run = choose_run(finished_folder, variant, 1)
    dataset = run.dataset()
    twin = int(whole(dataset)[0])
    new = like(dataset, twin)
    near = ccd.similar(run, f"new {twin}", 5, space="text", new_items=new)
    assert (near.items[0], near.cosines[0]) == (twin, pytest.approx(1))
    assert len(ccd.similar(run, f"new {twin}", 5, new_items=new).items) == 5
    found = ccd.explain(run, "3", f"new {twin}", new_items=new)
    _, vectors = with_new_items(run, dataset, new)
    assert found.score == pytest.approx(float(vectors.users[3] @ vectors.items[-1]))
    assert len(found.paths) == n_paths
    assert sum(found.paths.values()) == pytest.approx(found.score, rel=1e-4, abs=1e-6)
    # An item that was trained is explained as it is without new ones.
    assert ccd.explain(run, "3", "5", new_items=new).paths == ccd.explain(run, "3", "5").paths


def test_new_items_that_cannot_be_had_are_in_no_list(run):
    dataset = run.dataset()
    new = replace(like(dataset, 1, 2), purchasable=np.array([False, True]))
    more = extended(dataset, new)
    assert more.purchasable.tolist() == [*[True] * dataset.n_items, False, True]
    everybody = ccd.recommend(run, k=more.n_items, new_items=new)
    assert not np.isin(dataset.n_items, everybody.items)
    assert np.isin(dataset.n_items + 1, everybody.items)


def test_an_export_says_how_many_items_are_new(run, tmp_path):
    export(run, tmp_path / "served", new_items=like(run.dataset(), 1, 2))
    assert json.loads((tmp_path / "served" / "export.json").read_text())["n_new_items"] == 2
    assert "100, and 2 that came after training" in (
        tmp_path / "served" / "MODEL_CARD.md"
    ).read_text().replace(f"{run.dataset().n_items:,}", "100")
