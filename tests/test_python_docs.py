"""docs/python.md keeps its promises: its code runs as it stands there, in order."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import ccd
from ccd.arguments import as_tuple
from ccd.errors import ConfigError

TEXT = (Path(__file__).parents[1] / "docs" / "python.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.M | re.S)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """The page's names after all its code has run, on a tiny planted world."""
    folder = tmp_path_factory.mktemp("notebook")
    small = (
        '"planted_world.n_users = 60", "planted_world.n_items = 60", '
        '"planted_world.n_clusters = 6", "CurricularSampler.candidate_fraction = 0.5", '
    )
    code = "\n".join(BLOCKS).replace("bindings=[", f"bindings=[{small}")
    assert small in code
    names = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCD_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        exec(compile(code, "docs/python.md", "exec"), names)
    return folder, names


def test_the_page_runs(notebook):
    _, names = notebook
    assert repr(names["runs"]) == (
        "<RunResults of runs/notebook: FREEDOM (2), FREEDOM+DMA+NDI+CNS (2)>"
    )
    assert names["lists"].items.shape == (2, 5)
    assert [record["user"] for record in names["lists"].records()] == ["7", "42"]
    assert names["figure"].axes


def test_tables_have_the_numbers_of_the_results_and_the_ids_of_the_data(notebook, monkeypatch):
    folder, _ = notebook
    monkeypatch.chdir(folder)
    runs = ccd.load_run("runs/notebook")
    rows = runs.metrics().to_pylist()
    assert [(r["variant"], r["seed"]) for r in rows] == [(r.variant, r.seed) for r in runs]
    assert rows[0]["test/recall@20"] == runs.results[0].test["recall@20"]
    history = runs.history().to_pylist()
    assert len(history) == sum(result.epochs for result in runs)
    assert history[0]["loss/total"] > 0
    first = runs.runs[0].history[0]
    assert history[0]["negatives/hard_false"] == first.negatives["hard_false"]
    users = runs.per_user().to_pylist()
    assert all(isinstance(row["user"], str) for row in users)
    own = [r for r in users if (r["variant"], r["seed"]) == ("FREEDOM", 1)]
    mean = sum(row["recall@20"] for row in own) / len(own)
    assert mean == pytest.approx(runs["FREEDOM"][0].test["recall@20"], abs=1e-6)


def test_one_runs_own_folder_opens_too(notebook):
    folder, _ = notebook
    assert len(ccd.load_run(folder / "runs" / "notebook" / "FREEDOM-1")) == 1


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: ccd.run("recipes/ablation_freedom.gin", only="FREEDOM"), "only"),
        (lambda: ccd.run("recipes/ablation_freedom.gin", seeds=7), "seeds"),
        (lambda: ccd.run("recipes/ablation_freedom.gin", bindings="SEED = 1"), "bindings"),
        (lambda: ccd.load_run("runs", allow_imports="my_parts"), "allow_imports"),
        (lambda: ccd.recommend("runs", "A2"), "users"),
        (lambda: ccd.plot("runs", "tsne", allow_imports="my_parts"), "allow_imports"),
        (lambda: ccd.load_recipe("recipes/table2.gin", only="FREEDOM"), "only"),
        (lambda: ccd.load_recipe("recipes/table2.gin", bindings="SEED = 1"), "bindings"),
        (lambda: ccd.load_recipe("recipes/table2.gin", with_files="own.gin"), "with_files"),
        (lambda: ccd.load_recipe("recipes/table2.gin", allow_imports="my_parts"), "allow_imports"),
    ],
)
def test_a_single_value_is_not_taken_apart(call, name):
    with pytest.raises(ConfigError, match=f"{name} must be a list, got .*; write {name}="):
        call()


def test_an_array_is_a_list_of_numbers():
    assert as_tuple("seeds", np.arange(2)) == as_tuple("seeds", torch.arange(2)) == (0, 1)
    with pytest.raises(ConfigError, match="seeds must be a list, got 7"):
        as_tuple("seeds", np.array(7))


def test_what_a_notebook_shows_is_short(notebook, monkeypatch):
    folder, _ = notebook
    monkeypatch.chdir(folder)
    runs = ccd.load_run("runs/notebook")
    for shown, words in (
        (runs["FREEDOM"][0], "FREEDOM, seed 1: test recall@5 0."),
        (runs.run("FREEDOM", 2), "FREEDOM, seed 2, in runs/notebook/FREEDOM-2>"),
        (ccd.recommend(runs.run("FREEDOM", 1), ["7"], k=3), "FREEDOM, seed 1: 1 x 3 "),
    ):
        assert words in repr(shown)
        assert len(repr(shown)) < 120


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"users": []}, "users names no user; leave it out for all"),
        ({"k": "5"}, "k must be at least 1 and a whole number, got '5'"),
        ({"k": True}, "k must be at least 1 and a whole number"),
        ({"seed": 1}, "an opened run has no use for seed; leave it out"),
    ],
)
def test_a_wrong_request_for_recommendations_is_refused(options, message, notebook, monkeypatch):
    folder, _ = notebook
    monkeypatch.chdir(folder)
    run = ccd.load_run("runs/notebook").run()
    with pytest.raises(ConfigError, match=message):
        ccd.recommend(run, **options)


def test_what_is_no_run_folder_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="there is no such folder"):
        ccd.load_run(tmp_path / "nowhere")


def test_dir_shows_the_names_and_importing_is_light():
    names = {"run", "load_run", "plot", "recommend", "load_recipe", "component", "CcdError"}
    assert names <= set(dir(ccd))
    assert names <= set(ccd.__all__)
    code = "import sys, ccd; dir(ccd); sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
