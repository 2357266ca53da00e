"""kill -9 at random moments: the same command goes on, nothing is damaged, no number differs."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
from optuna.trial import TrialState

from ccd.runs.checkpoints import CHECKPOINT_FILE, read_kept
from ccd.runs.signals import Halt
from ccd.search.launch import begin
from ccd.search.study import OUTCOME
from ccd.search.target import Source
from ccd.search.worker import Worker
from ccd.training.trainer import Training
from tests.faults.processes import ended, forked, killed
from tests.faults.test_crash_points import fill
from tests.importing.worlds import import_paths, loaded, rows
from tests.interruptions import FULL, assert_same, run
from tests.search.test_faults import assert_sound

STUDY = """\
include 'gin/base.gin'
include 'gin/backbones/bpr_mf.gin'
planted_world:
  n_users = 60
  n_items = 60
  n_clusters = 6
Trainer.epochs = {epochs}
EarlyStopping.patience = 1000
Checkpoint.every_seconds = 0
Experiment.threads = 1
Search:
  trials = {trials}
  retries = 200
  sampler = @random_search
  pruner = None
  space = {{'Trainer.learning_rate': {{'low': 0.001, 'high': 0.1, 'log': True}}}}
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))


class TrainingRuns:
    """Two variants, with a checkpoint after each epoch."""

    def work(self, place: Path) -> None:
        run(place, "Trainer.epochs = 12", only=("FREEDOM", FULL))

    def check(self, place: Path, whole: Path) -> None:
        assert_same(place, whole)
        assert not [*place.rglob("*.tmp"), *place.rglob(CHECKPOINT_FILE)]


class Writing:
    """All that a run writes, and no training in between."""

    def work(self, place: Path) -> None:
        fill(place)

    check = TrainingRuns.check


class Searching:
    """A study of a few trials, each with a checkpoint after each epoch."""

    def work(self, place: Path) -> None:
        Path("own.gin").write_text(STUDY.format(epochs=8, trials=4))
        opened = begin(Source("own.gin"), name=place.name)
        Worker(opened.order, Halt(), lambda: None).work()

    def check(self, place: Path, whole: Path) -> None:
        values = []
        for folder in (place, whole):
            trials = assert_sound(begin(Source("own.gin"), name=folder.name), 4)
            done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
            values.append({trial.user_attrs["ccd:slot"]: trial.value for trial in done})
        assert values[0] == values[1]
        assert not [*Path("runs/search", place.name).rglob("slot-*.safetensors")]


class Importing:
    """A catalogue of a few thousand events."""

    def work(self, place: Path) -> None:
        events = Path("events.csv")
        if not events.exists():
            lines = (",".join(map(str, row)) + "\n" for row in rows(600, 40))
            events.write_text("user,item,time,rating\n" + "".join(lines))
        if not place.exists():
            import_paths(place, events)

    def check(self, place: Path, whole: Path) -> None:
        assert loaded(place).fingerprint == loaded(whole).fingerprint
        for path in whole.iterdir():
            assert (place / path.name).read_bytes() == path.read_bytes()


KINDS = {"training": TrainingRuns, "writing": Writing, "search": Searching, "import": Importing}
MANY = {"training": 16, "writing": 14, "search": 12, "import": 8}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "kills", [pytest.param(1, id="few"), pytest.param(None, id="fifty", marks=pytest.mark.real)]
)
def test_killed_at_random_moments(tmp_path, kind, kills):
    """Of the fifty, each kind has its share."""
    task, rng = KINDS[kind](), random.Random(kind)
    kills = kills or MANY[kind]
    task.work(tmp_path / "whole")  # the first time is slower
    began = time.monotonic()
    assert ended(forked(lambda: task.work(tmp_path / "timed"))) == 0
    seconds = time.monotonic() - began
    hit, tries, number = 0, 0, 0
    while hit < kills:
        place = tmp_path / f"run{number}"
        hit += killed(lambda place=place: task.work(place), 0.8 * seconds, rng)
        tries += 1
        assert tries < 10 * kills
        if rng.random() < 0.4 or hit == kills:  # a run may be killed several times, then it ends
            assert ended(forked(lambda place=place: task.work(place))) == 0
            task.check(place, tmp_path / "whole")
            number += 1
    print(f"{kind}: {hit} of {hit} killed went on, {number} ended with the same numbers")


def test_a_killed_trial_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    epochs = 60
    Path("own.gin").write_text(STUDY.format(epochs=epochs, trials=1))
    whole = begin(Source("own.gin"), name="whole")
    Worker(whole.order, Halt(), lambda: None).work()
    opened = begin(Source("own.gin"), name="killed")
    child = forked(lambda: Worker(opened.order, Halt(), lambda: None).work())
    checkpoint = Path(opened.folder) / "checkpoints/slot-0.safetensors"
    until = time.monotonic() + 60
    while (kept := read_kept(checkpoint)) is None or kept.epochs < 3:
        assert time.monotonic() < until
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    assert ended(child) == -signal.SIGKILL
    kept = read_kept(checkpoint)
    assert kept is not None
    assert 3 <= kept.epochs < epochs
    trained, train = [], Training._train

    def counted(training, at):
        trained.append(at)
        return train(training, at)

    monkeypatch.setattr(Training, "_train", counted)
    Worker(opened.order, Halt(), lambda: None).work()
    assert trained == list(range(kept.epochs, epochs))
    lost, again = assert_sound(opened, 1)
    assert lost.user_attrs[OUTCOME] == "lost"
    assert again.value == whole.study.trials()[0].value
    assert again.params == lost.params
    assert not checkpoint.exists()
