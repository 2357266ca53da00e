"""A search recipe with a pretended trainer, in a temporary folder that is the current one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ccd.runs.signals import Halt
from ccd.search.launch import begin
from ccd.search.studies import Opened
from ccd.search.target import Source
from ccd.search.worker import Worker

STUB = "tests.search.stub"
RECIPE = """\
import {stub}
include 'gin/base.gin'
include 'gin/backbones/bpr_mf.gin'

planted_world:
  n_users = 50
  n_items = 60
  n_clusters = 5
  mean_interactions = 6.0
Experiment:
  trainer = @StubTrainer
  dim = 4
{more}
"""
SPACE = """\
Search:
  trials = 8
  sampler = @random_search
  pruner = None
  space = {
      'StubTrainer.quality': {'low': 0.0, 'high': 1.0},
      'StubTrainer.mode': ['plain', 'fancy'],
  }
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the recipe, and of its studies."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def write(here: Path) -> Callable[..., Source]:
    """Write a recipe; answers with what loads it."""

    def write_recipe(more: str = SPACE, bindings: tuple[str, ...] = ()) -> Source:
        (here / "own.gin").write_text(RECIPE.format(stub=STUB, more=more))
        return Source("own.gin", bindings=bindings, allow_imports=(STUB,))

    return write_recipe


def train(opened: Opened) -> None:
    """One worker in this process, to the end."""
    Worker(opened.order, Halt(), lambda: None).work()


def searched(source: Source, **options: object) -> Opened:
    """A study that is done."""
    opened = begin(source, **options)  # type: ignore[arg-type]
    train(opened)
    return opened
