"""The functions of ``import ccd``, given what notebooks give: numpy's numbers, texts, paths."""

import io
from pathlib import Path

import numpy as np
import pytest

import ccd
from ccd.errors import ConfigError
from ccd.finished.runs import choose_run

RECIPE = "recipes/ablation_freedom.gin"
CCDREC = "FREEDOM+DMA+NDI+CNS"


@pytest.mark.parametrize("function", [ccd.run, ccd.load_recipe])
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("only", "FREEDOM", r"only must be a list, got 'FREEDOM'.*write only=\['FREEDOM'\]"),
        ("only", {"FREEDOM": 1}, "only must be a list"),
        ("only", [1], "each of only must be a text, got 1"),
        ("bindings", "Trainer.epochs = 2", "bindings must be a list, got 'Trainer.epochs = 2'"),
        ("bindings", [("Trainer.epochs", 2)], "each of bindings must be a text"),
        ("bindings", {"Trainer.epochs": 2}, "bindings must be a list"),
        ("with_files", "more.gin", "with_files must be a list"),
        ("with_files", Path("more.gin"), "with_files must be a list"),
        ("with_files", [3], "each of with_files must be a path, got 3"),
        ("allow_imports", "mine", "allow_imports must be a list"),
        ("dataset", 5, "dataset must be a path, got 5"),
        ("dataset", ["baby"], "dataset must be a path"),
    ],
)
def test_a_recipe_is_asked_for_in_lists_of_texts(function, name, value, words):
    with pytest.raises(ConfigError, match=words):
        function(RECIPE, **{name: value})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("seeds", 7, r"seeds must be a list, got 7.*write seeds=\[7\]"),
        ("seeds", "12", "seeds must be a list"),
        ("seeds", [1.0], "each of seeds must be at least 0 and a whole number, got 1.0"),
        ("seeds", ["1"], "each of seeds must be at least . and a whole number"),
        ("seeds", [True], "each of seeds must be at least . and a whole number"),
        ("seeds", [-1], "each of seeds must be at least . and a whole number"),
        ("seeds", np.array([0.5]), "each of seeds must be at least . and a whole number"),
        ("seeds", [2, np.int64(2)], "seeds must be distinct"),
        ("out", "", "out must be a path, got ''"),
        ("out", b"runs", "out must be a path"),
        ("out", "a\0b", "no path has a zero byte"),
        ("data_dir", 3, "data_dir must be a path"),
    ],
)
def test_what_a_run_is_given_is_refused_by_name(name, value, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=words):
        ccd.run(RECIPE, **{name: value})
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_must_be_named():
    for wrong in (None, 3, [RECIPE], ""):
        with pytest.raises(ConfigError, match="path must be a path"):
            ccd.load_recipe(wrong)
        with pytest.raises(ConfigError, match="recipe must be a path"):
            ccd.run(wrong)


def test_numbers_of_numpy_and_paths_are_what_they_say(tmp_path):
    planted = Path("gin/datasets/planted.gin").resolve()
    runs = [
        ccd.run(
            "recipes/backbones.gin",
            only=np.array(["BPR-MF"]),
            seeds=seeds,
            dataset=dataset,
            bindings=("Trainer.epochs = 1", "planted_world.n_users = 60"),
            out=out,
        )
        for seeds, dataset, out in (
            (np.arange(1, 3), planted, tmp_path / "a"),
            ([np.int64(1), np.int32(2)], "planted", str(tmp_path / "b")),
            (range(1, 3), "planted", tmp_path / "c"),
        )
    ]
    assert all([result.seed for result in run] == [1, 2] for run in runs)
    assert runs[0][0].test == runs[1][0].test == runs[2][np.int64(0)].test
    assert (tmp_path / "a/config.gin").read_text().count("seeds = (1, 2)") == 1


def test_results_are_found_by_name_and_by_place(finished_folder):
    runs = ccd.load_run(str(finished_folder))
    assert len(runs) == len(list(runs)) == 4
    assert runs[0] == next(iter(runs)) == runs[np.int64(0)]
    assert runs[-1] == runs.results[-1]
    assert runs[1:3] == list(runs.results[1:3])
    assert [result.seed for result in runs["FREEDOM"]] == [1, 2]
    assert runs[np.str_("FREEDOM")] == runs["FREEDOM"]
    assert "FREEDOM" in runs
    assert "LightGCN" not in runs
    assert runs[0] in runs
    with pytest.raises(IndexError):
        runs[4]
    for wrong in ("FREEDON", None, True, 1.0):
        with pytest.raises(KeyError, match=f"no result of '{wrong}'.*FREEDOM"):
            runs[wrong]
    assert runs.run("FREEDOM", seed=np.int64(2)).result.seed == 2


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"variant": 3}, "variant must be a text"),
        ({"seed": "1"}, "seed must be at least . and a whole number"),
        ({"seed": True}, "seed must be at least . and a whole number"),
        ({"imports": "mine"}, "allow_imports must be a list"),
    ],
)
def test_a_run_is_chosen_by_text_and_number(finished_folder, choice, words):
    assert choose_run(str(finished_folder)).result.variant == CCDREC
    with pytest.raises(ConfigError, match=words):
        choose_run(finished_folder, **choice)


@pytest.mark.parametrize("folder", ["", 3, None, b"run"])
def test_a_folder_is_a_path(folder):
    for function in (ccd.load_run, ccd.plot, ccd.recommend):
        with pytest.raises(ConfigError, match="must be a path"):
            function(folder)


def test_users_are_those_that_were_asked_for(finished_folder):
    run = ccd.load_run(finished_folder).run()
    wanted = ccd.recommend(run, ["13"], k=np.int64(2))
    assert wanted.users.tolist() == [13]
    assert wanted.items.shape == (1, 2)
    for users in (np.array([13]), (13,), [np.int64(13)], {13}):
        assert (ccd.recommend(run, users, k=2).items == wanted.items).all()
    for wrong in ("13", 13, {"13": 1}, Path("13")):
        with pytest.raises(ConfigError, match="users must be a list"):
            ccd.recommend(run, wrong)
    for k in (0, "5", 2.0, True, None):
        with pytest.raises(ConfigError, match="k must be at least 1 and a whole number"):
            ccd.recommend(run, ["13"], k)
    assert ccd.recommend(run, ["13"], data_dir=".").users.tolist() == [13]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": ["curves"]}, "kind must be a text"),
        ({"kind": "curves", "metric": ["recall@20"]}, "metric must be a text"),
        ({"kind": "tsne", "users": 0}, "users must be at least 1 and a whole number"),
        ({"kind": "tsne", "users": "3"}, "users must be at least . and a whole number"),
        ({"kind": "curves", "seed": 1.0}, "seed must be at least . and a whole number"),
        ({"kind": "curves", "variant": 1}, "variant must be a text"),
        ({"kind": "curves", "allow_imports": "mine"}, "allow_imports must be a list"),
    ],
)
def test_a_figure_is_asked_for_plainly(finished_folder, options, words):
    with pytest.raises(ConfigError, match=words):
        ccd.plot(finished_folder, **options)


def test_a_figure_takes_numbers_of_numpy(finished_folder):
    buffer = io.BytesIO()
    ccd.plot(str(finished_folder), "curves", seed=np.int64(1)).savefig(buffer)
    assert buffer.getvalue()
