"""Names of files that libraries, shells and encodings read in their own ways."""

import json
import os
import re
import sys

import numpy as np
import pytest

import ccd
from ccd.arguments import as_path
from ccd.cli import main
from ccd.errors import ConfigError
from ccd.files import append_line, read_json, read_lines, write_json
from ccd.runs.per_user import PerUser, merge_per_user, read_per_user, write_per_user
from tests.datasets.files import write_dataset

OTHER_BYTES = os.fsdecode(b"caf\xe9")
TINY = [
    "planted_world.n_users = 60",
    "planted_world.n_items = 60",
    "planted_world.n_clusters = 6",
    "Trainer.epochs = 1",
    "Ablation.seeds = (1,)",
]
RECIPE = "recipes/systems/bpr_mf.gin"


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CCD_CACHE", "~/cache")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def ended(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["ccd", *words])
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code


def sets():
    return [word for binding in TINY for word in ("--set", binding)]


@pytest.mark.parametrize("name", ["exp:1", "file:x", "s3:", "a b%20c", "#1?x", "é", "C:\\runs"])
def test_any_legal_name_is_a_run_folder(name, monkeypatch, tmp_path):
    assert ended(monkeypatch, "run", RECIPE, *sets(), "--out", name) == 0
    assert (tmp_path / "here" / name / "results.jsonl").stat().st_size
    assert len(ccd.load_run(name).results) == 1
    for ending in ("parquet", "csv", "jsonl"):
        lists = f"v:1.{ending}"
        assert ended(monkeypatch, "recommend", name, "--k", "2", "--out", lists) == 0
        assert (tmp_path / "here" / lists).stat().st_size


def test_per_user_files_are_written_where_they_are_named():
    metrics = PerUser(np.arange(3), {"recall@5": np.zeros(3)})
    write_per_user(as_path("exp:1"), "A", 1, metrics)
    merge_per_user(as_path("exp:2"), [as_path("exp:1")])
    assert list(read_per_user(as_path("exp:2"))) == [("A", 1)]


@pytest.mark.parametrize("out", [("--out=~/run",), ("--out", "~/run")])
def test_the_home_folder_is_found_where_the_shell_leaves_its_sign(out, monkeypatch, tmp_path):
    assert ended(monkeypatch, "run", RECIPE, *sets(), *out) == 0
    assert (tmp_path / "home" / "run" / "results.jsonl").exists()
    assert not list((tmp_path / "here").iterdir())


def test_python_and_the_environment_find_the_home_folder_too(monkeypatch, tmp_path):
    write_dataset(tmp_path / "home" / "sets")
    monkeypatch.setenv("CCD_DATA", "~/sets")
    data = tmp_path / "home" / "mini.gin"
    data.write_text(
        "Experiment.dataset = @mmrec_dataset\n"
        "mmrec_dataset.name = 'mini'\n"
        "mmrec_dataset.interactions = 'mini.inter'\n"
        "mmrec_dataset.features = {'image': 'image_feat.npy'}\n"
    )
    bindings = [*TINY[3:], "FullRanking.cutoffs = (2,)", "FullRanking.select = 'recall@2'"]
    bindings += ["knn_graph.k = 2"]
    ccd.run(
        "recipes/systems/freedom.gin", dataset="~/mini.gin", bindings=bindings, out="~/run",
    )  # fmt: skip
    assert len(ccd.load_run("~/run").results) == 1
    assert len(ccd.recommend("~/run", ["0"], k=1).users) == 1
    assert list((tmp_path / "home" / "cache").glob("knn-*"))
    assert not list((tmp_path / "here").iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ("run", RECIPE, "--out", OTHER_BYTES),
        ("run", RECIPE, "--data-dir", OTHER_BYTES),
        ("run", f"{OTHER_BYTES}.gin"),
        ("run", RECIPE, "--set", f"Trainer.epochs = '{OTHER_BYTES}'"),
        ("show", RECIPE, "--with", OTHER_BYTES),
        ("compare", OTHER_BYTES),
        ("plot", "ablation", OTHER_BYTES),
        ("report", OTHER_BYTES, "--out", OTHER_BYTES),
        ("recommend", OTHER_BYTES),
        ("verify", OTHER_BYTES),
        ("search", RECIPE, "--study", OTHER_BYTES),
        ("data", "describe", OTHER_BYTES, "--json"),
    ],
)
def test_bytes_that_are_not_utf_8_are_refused_before_anything_is_done(words, monkeypatch, capsys):
    os.mkdir(OTHER_BYTES)
    assert ended(monkeypatch, *words) == 2
    out, err = capsys.readouterr()
    assert re.search(r"must be UTF-8.*caf\\+udce9.*rename it", out + err, re.DOTALL)


def test_python_refuses_them_too():
    for call in (
        lambda: ccd.run(RECIPE, out=OTHER_BYTES),
        lambda: ccd.run(RECIPE, data_dir=OTHER_BYTES),
        lambda: ccd.run(OTHER_BYTES),
        lambda: ccd.load_run(OTHER_BYTES),
        lambda: ccd.plot(OTHER_BYTES, "ablation"),
        lambda: ccd.recommend(OTHER_BYTES),
    ):
        with pytest.raises(ConfigError, match="must be UTF-8"):
            call()


def test_a_run_inside_a_folder_of_other_bytes_is_whole(monkeypatch, tmp_path):
    os.mkdir(tmp_path / OTHER_BYTES)
    monkeypatch.chdir(tmp_path / OTHER_BYTES)
    os.mkdir("sets")
    assert ended(monkeypatch, "run", RECIPE, *sets(), "--out", "run", "--data-dir", "sets") == 0
    about = json.loads(next((tmp_path / OTHER_BYTES).glob("run/*/run.json")).read_bytes())
    assert about["data_dir"] == str(tmp_path / OTHER_BYTES / "sets")
    reading = ("compare run", "report run", "recommend run --user 1")
    for words in reading:
        assert ended(monkeypatch, *words.split()) == 0


def test_json_keeps_names_of_other_bytes(tmp_path):
    write_json(tmp_path / "a.json", {"path": OTHER_BYTES})
    append_line(tmp_path / "a.jsonl", {"path": OTHER_BYTES})
    assert read_json(tmp_path / "a.json") == {"path": OTHER_BYTES}
    assert read_lines(tmp_path / "a.jsonl") == [{"path": OTHER_BYTES}]
