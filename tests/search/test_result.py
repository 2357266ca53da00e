"""A real, small study: its best setting comes back with ``ccd run --with best.gin``."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

import ccd
from ccd.config.recipe import load_recipe
from ccd.config.text import flat_settings
from ccd.experiment import Experiment
from ccd.runs.records import SilentObserver
from ccd.search.launch import begin
from ccd.search.objective import Interrupted, Objective
from ccd.search.result import trials_as_csv, trials_as_json, write_best
from ccd.search.summary import ended_trials
from ccd.search.target import Source, Target
from ccd.winner import run_winner
from tests.search.conftest import SPACE, searched

RECIPE = """\
include 'recipes/ablation_freedom.gin'
Ablation:
  variants = {'CCDRec': ['dma', 'ndi', 'cns'], 'FREEDOM': []}
  baseline = None
  seeds = (5,)
planted_world:
  n_users = 60
  n_items = 80
  n_clusters = 6
  affinity = 4.0
Trainer.epochs = 6
Trainer.batch_size = 256
step_curriculum:
  interval = 1
  end_epoch = 4
Search:
  variant = 'CCDRec'
  trials = 4
  test_seeds = (5, 6)
  space = {
      'LossMix.hard_weight': [0.3, 0.6],
      'Trainer.learning_rate': {'low': 1e-3, 'high': 1e-1, 'log': True},
      'GaussianDiffusion.betas': ['@linear_betas', '@cosine_betas'],
      'cosine_betas.offset': {'low': 0.001, 'high': 0.01},
  }
"""


@pytest.fixture
def source(here):
    (here / "own.gin").write_text(RECIPE)
    return Source("own.gin")


def test_best_gin_reproduces_its_value_and_the_winner_is_tested(source):
    opened = searched(source)
    best, path, command = write_best(opened)
    assert command == f"ccd run own.gin --with {path} --only CCDRec"
    done = ccd.run("own.gin", with_files=[path], only=["CCDRec"], out="again")
    assert done["CCDRec"][0].valid["recall@20"] == best.value
    results = run_winner(opened, seeds=(), observer=SilentObserver())["CCDRec"]
    assert [result.seed for result in results] == [5, 6]
    assert results[0].valid["recall@20"] == best.value
    assert results[0].test == done["CCDRec"][0].test


def test_the_command_names_seeds_that_the_recipe_lacks_and_the_folder_is_made(write, here):
    source = write(SPACE + "Search.seeds = (1, 2)\n")
    opened = searched(source, trials=1, storage="journal:elsewhere.log")
    shutil.rmtree(opened.folder)
    _, path, command = write_best(opened)
    assert path.exists()
    assert command.endswith("--seed 1 --seed 2")


def test_a_trial_is_the_recipe_with_a_gin_file(source, here):
    target = Target(source)
    texts = {"LossMix.hard_weight": "0.6", "GaussianDiffusion.betas": "@cosine_betas"}
    (here / "best.gin").write_text("".join(f"{k} = {v}\n" for k, v in texts.items()))
    same = load_recipe("own.gin", with_files=["best.gin"]).graphs["CCDRec"]
    assert flat_settings(target.graph(texts)) == flat_settings(same)


def test_the_test_split_stays_closed(source, monkeypatch):
    opened = begin(source)
    target = Target(source)
    objective = Objective(target, [], opened.folder)
    dataset = objective._data(target.base)
    monkeypatch.setattr(Experiment, "test", lambda *_: pytest.fail("opens the test split"))
    # What is not there cannot be opened.
    object.__setattr__(dataset, "test", None)
    texts = {"LossMix.hard_weight": "0.3"}

    class NoTrial:
        def report(self, value, step):
            assert 0 <= value <= 1

        def set_user_attr(self, key, value):
            pass

    values = objective(NoTrial(), 0, texts, None, lambda: False, Path("checkpoint"))
    assert 0 < values[0] <= 1
    assert opened.study.budget == 4


def test_a_trial_that_is_cut_short_again_and_again_reaches_the_same_values(source, tmp_path):
    target = Target(source)
    texts = {"LossMix.hard_weight": "0.3"}

    class Told:
        def __init__(self):
            self.told = {}

        def report(self, value, step):
            self.told[step] = value

        def set_user_attr(self, key, value):
            self.told[key] = value if key == "ccd:best_epochs" else None

    whole = Told()
    expected = Objective(target, [], tmp_path)(
        whole, 0, texts, None, lambda: False, tmp_path / "whole"
    )
    cut = 0
    while True:
        trial = Told()
        try:
            values = Objective(target, [], tmp_path)(
                trial, 0, texts, None, lambda: True, tmp_path / "cut"
            )
            break
        except Interrupted:
            cut += 1
    assert cut == 5  # after each of the six epochs but the last
    assert (values, trial.told) == (expected, whole.told)


def test_export_has_a_row_per_trial_and_a_column_per_setting(write):
    ended = ended_trials(searched(write(), trials=3).study)
    rows = list(csv.DictReader(io.StringIO(trials_as_csv(ended))))
    assert [row["trial"] for row in rows] == ["0", "1", "2"]
    assert rows[0]["StubTrainer.quality"] == "0.9"
    assert float(rows[0]["value"]) == pytest.approx(0.64)
    assert [trial["state"] for trial in json.loads(trials_as_json(ended))] == ["complete"] * 3
