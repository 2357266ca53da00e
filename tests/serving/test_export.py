"""What ``ccd export`` writes: the same vectors in every format, whole or not at all."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file
from scipy import sparse
from typer.testing import CliRunner

from ccd.cli import app
from ccd.errors import ConfigError, DamagedFileError, ResourceError
from ccd.finished.recommendations import recommend
from ccd.serving import export as exporting
from ccd.serving.export import export
from ccd.serving.vectors import open_vectors


def test_every_format_holds_the_vectors_of_the_run(run, exported):
    users, items = (x.numpy() for x in run.representations[:2])
    tensors = load_file(exported / "vectors.safetensors")
    for name, expected in (("user", users), ("item", items)):
        table = pq.read_table(exported / f"{name}s.parquet")
        listed = np.array(table["vector"].to_pylist(), dtype=np.float32)
        for found in (np.load(exported / f"{name}_vectors.npy"), tensors[f"{name}s"], listed):
            assert np.array_equal(found, expected)
        assert table["id"].to_pylist() == [str(n) for n in range(len(expected))]


def test_inner_products_are_the_models_scores(run, exported):
    opened = open_vectors(exported)
    lists = recommend(run, k=5)
    for user, items, scores in zip(lists.users, lists.items, lists.scores, strict=True):
        products = opened.items[items[items >= 0]] @ opened.users[user]
        assert products == pytest.approx(scores[items >= 0], rel=1e-5)


def test_seen_items_are_those_of_all_splits(run, exported):
    dataset = run.dataset()
    matrix = sparse.load_npz(exported / "seen.npz")
    splits = (dataset.train, dataset.valid, dataset.test)
    pairs = {(u, i) for s in splits for u, i in zip(s.users, s.items, strict=True)}
    assert {*zip(*map(np.ndarray.tolist, matrix.nonzero()), strict=True)} == pairs
    counts = np.bincount(dataset.train.items, minlength=dataset.n_items)
    assert np.array_equal(open_vectors(exported).popularity, counts)


def test_the_card_states_data_cost_and_every_metric_within_its_interval(run, exported):
    card = (exported / "MODEL_CARD.md").read_text()
    assert f"fingerprint `{run.fingerprint}`" in card
    rows = [line.split("|")[1:4] for line in card.splitlines() if line.startswith("| recall@")]
    assert len(rows) == 4
    for name, value, interval in rows:
        low, high = map(float, interval.split("to"))
        assert float(value) == pytest.approx(run.result.test[name.strip()], abs=5e-5)
        assert low <= float(value) <= high
    assert "Trainer.learning_rate = " in card


def test_a_damaged_file_is_refused(exported, tmp_path):
    copy = shutil.copytree(exported, tmp_path / "copy")
    path = copy / "item_vectors.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match="another checksum"):
        open_vectors(copy)
    path.unlink()
    with pytest.raises(DamagedFileError, match="no such file"):
        open_vectors(copy)


def test_somebody_elses_folder_is_left_alone(run, tmp_path):
    (tmp_path / "mine.txt").write_text("dear")
    with pytest.raises(ConfigError, match="left alone"):
        export(run, tmp_path)
    (tmp_path / "export.json").write_text(json.dumps({"format": "another program's"}))
    with pytest.raises(ConfigError, match="left alone"):
        export(run, tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "dear"


def test_an_export_that_fails_leaves_the_older_one(run, exported, tmp_path, monkeypatch):
    folder = shutil.copytree(exported, tmp_path / "export")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "_write_items", full)
    with pytest.raises(ResourceError, match="No space left"):
        export(run, folder)
    open_vectors(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["export"]


def test_a_new_export_takes_the_place_of_an_older_one(run, exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "export")
    export(run, folder)
    assert not (folder / "items.usearch").exists()
    open_vectors(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["export"]


def test_the_command(finished_folder, tmp_path):
    runner = CliRunner()
    to = tmp_path / "new" / "export"
    done = runner.invoke(app, ["export", str(finished_folder), "--to", str(to), "--seed", "2"])
    assert done.exit_code == 0, done.output
    assert "seed 2" in done.output
    assert open_vectors(to).about["seed"] == 2
    refused = runner.invoke(app, ["export", str(finished_folder), "--to", "x", "--index", "fais"])
    assert refused.exception.hint.startswith("did you mean faiss?")
