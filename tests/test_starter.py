"""``ccd init`` lays a project that runs as it is."""

import os
import subprocess
import sys

import pytest

from ccd.cli import main
from ccd.errors import ConfigError
from ccd.starter import lay_starter


@pytest.fixture
def call(monkeypatch, capsys):
    def invoke(*words):
        monkeypatch.setattr(sys, "argv", ["ccd", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return invoke


def run(folder, *words):
    environment = {**os.environ, "CCD_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_project_trains_and_its_tests_pass(call, tmp_path):
    code, out, _ = call("init", tmp_path / "shop")
    assert code in (None, 0)
    assert f"next: cd {tmp_path / 'shop'} && ccd run recipe.gin" in out
    quick = ["--set", "Trainer.epochs = 2", "--set", "step_curriculum.end_epoch = 2"]
    shown = run(tmp_path / "shop", "ccd", "run", "recipe.gin", "--seed", "1", *quick)
    assert "CCDRec" in shown
    assert "3 passed" in run(tmp_path / "shop", "pytest", "-p", "no:cacheprovider")
    assert "rules are kept" in run(
        tmp_path / "shop", "ccd", "check", "my_curriculum.eager_curriculum",
        "--allow-import", "my_curriculum",
    )  # fmt: skip


def test_an_empty_folder_is_taken_the_current_one_too(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    from pathlib import Path

    names = lay_starter(Path())
    assert names == sorted(path.name for path in (tmp_path / "empty").iterdir())
    assert {"recipe.gin", "dataset.gin", "my_curriculum.py", "test_project.py"} < set(names)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_a_folder_that_holds_something_is_left_alone(call, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for taken in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(ConfigError, match="into a new or empty folder"):
            lay_starter(taken)
    code, _, error = call("init", tmp_path)
    assert code == 2
    assert "a folder that holds files" in error
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
