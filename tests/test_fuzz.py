"""A thousand damaged recipes and five hundred odd command lines: a refusal each, no traceback."""

from __future__ import annotations

import random
import re
from contextlib import suppress

import pytest
from typer.testing import CliRunner

from ccd import catalogue
from ccd.cli import app
from ccd.config import load_recipe
from ccd.config.files import ccd_root
from ccd.errors import CcdError
from ccd.search.space import Space
from ccd.search.target import Source, Target

RECIPE = """\
# A study of BPR
include 'gin/base.gin'
include 'gin/backbones/bpr_mf.gin'
SIZE = 64
Ablation:
  variants = {
      'small': ['BPRMF.reg_weight = 0.001'],
      'large': ['BPRMF.reg_weight = 0.1', 'dns'],
  }
  baseline = 'small'
  seeds = (1, 2)
Trainer:
  epochs = 3
  optimizer = @adamw
planted_world.n_users = 200
Experiment.dim = %SIZE
FullRanking.metrics = {'recall': @recall, 'ndcg': @ndcg}
FullRanking.cutoffs = [10, 20]
Search:
  trials = 4
  variant = 'small'
  space = {
      'planted_world.text_noise': {'low': 0.0, 'high': 0.5},
      'Trainer.optimizer': ['@adam', '@adamw'],
  }
"""
PIECES = (
    "'", '"', "(", ")", "[", "]", "{", "}", ",", ":", "=", "@", "%", "/", ".", "#", "\\", "\n",
    "  ", "\t", "\0", "\r", "\u2028", "é", "٣", "-", "+", "1e999", "-1", "0", "1j",
    "99999999999999999999", "b'x'", "nan", "None", "True", "'''", "@adam()", "%gin.REQUIRED",
    "@own/adam", "import os\n",
    "from x import y\n", "include 'gin/base.gin'\n", "include '\0'\n", "include '.'\n",
    "lambda: 0",
    "{1: 2, 1: 3}", "{[1]: 2}", "(1,)", "{}", "[]", "''", "'..'", "'x' * 9", "{'a': {'low': 0}}",
    "%SIZE", "@Trainer", "@Experiment", "Experiment.dataset = None\n", "'" + "x" * 5000 + "'",
)  # fmt: skip
TOKENS = re.compile(r"\w+|\s+|[^\w\s]")


def damaged(rng: random.Random) -> str:
    """The recipe after one to three small accidents."""
    tokens = TOKENS.findall(RECIPE)
    for _ in range(rng.randint(1, 3)):
        at, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        match rng.randrange(6):
            case 0:
                del tokens[at]
            case 1:
                tokens.insert(at, rng.choice(PIECES))
            case 2:
                tokens[at] = rng.choice(PIECES)
            case 3:
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case 4:
                tokens.insert(at, tokens[other])
            case 5:
                tokens[at] = tokens[at][::-1]
    text = "".join(tokens)
    return text[: rng.randrange(len(text))] if rng.random() < 0.05 else text


def test_a_thousand_damaged_recipes_are_read_or_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    catalogue.load()
    rng, read = random.Random(0), 0
    for number in range(1000):
        text = damaged(rng)
        (tmp_path / "own.gin").write_text(text, encoding="utf-8", newline="")
        try:
            load_recipe("own.gin")
            read += 1
            if number % 10 == 0:
                Space(Target(Source("own.gin")))
        except CcdError:
            continue
        except Exception as error:
            raise AssertionError(f"number {number}:\n{text}") from error
    assert 50 < read < 600


WORDS = (
    "own.gin", "nosuch.gin", ".", "..", "/", "runs", "own", "", " ", "é", "\0", "a\nb", "%s", "--",
    "-", "--json", "--out", "--out=", "--set", "Trainer.epochs = 5", "Trainer.epochs", "=", "x=",
    "%X = 1", "--with", "--only", "small", "--seed", "1", "-1", "1e9", "--dataset", "baby", "x/y",
    "--data-dir", "--allow-import", "os.path", "no.such", "--study", "--storage", "journal:.",
    "sqlite:///x/y", "redis://", "x:y", "--trials", "0", "--workers", "--timeout", "1d", "status",
    "best", "stop", "export", "resume", "--format", "csv", "--variant", "--metric", "recall@20",
    "--baseline", "--users", "--user", "--k", "--slices", "--storage=", "--help", "tsne", "curves",
    "sensitivity", "Trainer", "curriculum", "--matrix", "--epoch", "~", "*", "<script>", "a" * 5000,
)  # fmt: skip
# Commands that would train or measure are given a recipe that does not exist only.
COMMANDS = (
    "list", "show", "compare", "diff", "plot", "report", "recommend", "negatives", "verify",
    "search status", "search best", "search stop", "search export", "search resume",
    "data describe", "data check", "data split", "data convert", "data import", "similar",
    "explain", "export", "serve", "import-results", "check",
    "run nosuch.gin", "search nosuch.gin", "nosuch",
)  # fmt: skip


def test_five_hundred_odd_command_lines_are_answered(tmp_path, monkeypatch):
    folder = tmp_path / "inner"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "own.gin").write_text(RECIPE)
    catalogue.load()
    rng = random.Random(0)
    for number in range(500):
        words = rng.choice(COMMANDS).split()
        words += [rng.choice(WORDS) for _ in range(rng.randint(0, 4))]
        answer = CliRunner().invoke(app, words)
        error = answer.exception
        # An OSError is put into words by main(), as whatever the system refuses.
        if error is not None and not isinstance(error, (CcdError, OSError, SystemExit)):
            raise AssertionError(f"number {number}: {[word[:99] for word in words]}") from error
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("name", [path.name for path in (ccd_root() / "recipes").glob("*.gin")])
def test_a_recipe_that_is_cut_off_is_read_or_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ccd_root() / "recipes" / name).read_text()
    for share in (0.3, 0.6, 0.9):
        (tmp_path / "own.gin").write_text(text[: int(share * len(text))])
        with suppress(CcdError):
            load_recipe("own.gin")
