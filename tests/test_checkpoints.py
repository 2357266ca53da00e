"""Runs that were interrupted go on from their checkpoint, to the same numbers."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from ccd import files
from ccd.errors import ConfigError, NumericError, ResourceError
from ccd.runs.checkpoints import CHECKPOINT_FILE, read_kept
from ccd.runs.folder import read_results, unfinished_runs
from ccd.runs.lock import Lease
from ccd.runs.signals import Halt
from tests import interruptions
from tests.faults.processes import forked
from tests.interruptions import FULL, RECIPE, SMALL, Told, assert_same, run


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))


def stopped(out, *bindings, after=3, **options):
    """A run that is stopped after some epochs."""
    halt = Halt()
    observer = Told(after, lambda: halt._note(signal.SIGTERM))
    with pytest.raises(KeyboardInterrupt):
        run(out, *bindings, halt=halt, observer=observer, **options)
    return observer


@pytest.fixture(scope="module")
def stopped_run(tmp_path_factory):
    """A run that was stopped after three epochs; tests change a copy of it."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCD_CACHE", str(folder / "cache"))
        stopped(folder / "run")
    return folder / "run"


def fail(error):
    raise error


def checkpoint(folder, variant=FULL, seed=1):
    return folder / f"{variant}-{seed}" / CHECKPOINT_FILE


def test_a_stopped_run_goes_on_and_says_so(tmp_path, whole):
    stopped(tmp_path / "run")
    assert json.loads((tmp_path / "run/manifest.json").read_text())["status"] == "stopped"
    assert [kept.epochs for kept in unfinished_runs(tmp_path / "run")] == [3]
    told = Told()
    run(tmp_path / "run", observer=told)
    assert f"{FULL} seed 1: goes on after epoch 3" in told.notes
    assert told.epochs == 3
    assert_same(tmp_path / "run", whole)
    assert not checkpoint(tmp_path / "run").exists()
    assert json.loads((tmp_path / "run/manifest.json").read_text())["earlier"][0]["checkpoint_mb"]


def test_it_may_be_stopped_again_and_again(tmp_path, whole):
    for _ in range(5):
        stopped(tmp_path / "run", after=1)
    run(tmp_path / "run")
    assert_same(tmp_path / "run", whole)


def test_how_it_runs_may_change_and_what_it_is_may_not(tmp_path):
    stopped(tmp_path / "run")
    stopped(tmp_path / "run", "FullRanking.block_cells = 1000", after=1)
    before = checkpoint(tmp_path / "run").read_bytes()
    with pytest.raises(ConfigError, match="trained for 4 epochs") as caught:
        run(tmp_path / "run", "LossMix.hard_weight = 0.7")
    assert "LossMix.hard_weight was 0.3, now 0.7" in str(caught.value)
    assert "--fresh" in caught.value.hint
    assert checkpoint(tmp_path / "run").read_bytes() == before
    run(tmp_path / "run", "LossMix.hard_weight = 0.7", fresh=True)
    run(tmp_path / "other", "LossMix.hard_weight = 0.7")
    assert_same(tmp_path / "run", tmp_path / "other")


def test_fresh_leaves_finished_runs_alone(tmp_path):
    run(tmp_path / "run", only=("FREEDOM",))
    stopped(tmp_path / "run", only=("FREEDOM", FULL))
    told = Told()
    run(tmp_path / "run", only=("FREEDOM", FULL), fresh=True, observer=told)
    assert told.epochs == 6
    assert not any("goes on" in note for note in told.notes)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "foreign"])
def test_a_damaged_checkpoint_is_found_and_the_run_starts_again(
    tmp_path, whole, stopped_run, damage
):
    shutil.copytree(stopped_run, tmp_path / "run")
    file = checkpoint(tmp_path / "run")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    pieces = {
        "flip": bytes(data),
        "cut": data[:5000],
        "empty": b"",
        "foreign": (whole / f"{FULL}-1/model.safetensors").read_bytes(),
    }
    file.write_bytes(pieces[damage])
    told = Told()
    run(tmp_path / "run", observer=told)
    assert any("starts again, for" in note for note in told.notes)
    assert_same(tmp_path / "run", whole)


HISTORIES = {
    "an epoch is lacking": lambda lines: lines[1:],
    "an epoch is there twice": lambda lines: [*lines, lines[1]],
    "not in order": lambda lines: [lines[1], lines[0], *lines[2:]],
    "a value is changed": lambda lines: [
        lines[0].replace('"patience_left": ', '"patience_left": 1'),
        *lines[1:],
    ],
}


@pytest.mark.parametrize("change", HISTORIES.values(), ids=HISTORIES)
def test_a_history_that_is_not_whole_is_not_gone_on_with(tmp_path, whole, stopped_run, change):
    shutil.copytree(stopped_run, tmp_path / "run")
    history = tmp_path / "run/history.jsonl"
    history.write_text("".join(change(history.read_text().splitlines(keepends=True))))
    told = Told()
    run(tmp_path / "run", observer=told)
    assert any("starts again, for" in note for note in told.notes)
    assert_same(tmp_path / "run", whole)


def test_it_is_written_after_the_interval_and_kept_where_asked_for(tmp_path, monkeypatch):
    stopped(tmp_path / "run", "Checkpoint.every_seconds = 1000")
    assert read_kept(checkpoint(tmp_path / "run")).epochs == 3  # only that of the stop
    run(tmp_path / "run", "Checkpoint.every_seconds = 1000", "Checkpoint.keep = True")
    assert read_kept(checkpoint(tmp_path / "run")).epochs == 3
    assert unfinished_runs(tmp_path / "run") == []
    monkeypatch.setattr(interruptions, "SMALL", SMALL[:-2])
    stopped(tmp_path / "none", "Experiment.checkpoint = None")
    assert not checkpoint(tmp_path / "none").exists()


def test_training_goes_on_where_no_checkpoint_can_be_written(tmp_path, whole, monkeypatch):
    told = Told()
    with monkeypatch.context() as patch:
        error = ResourceError("cannot write this: no room")
        patch.setattr("ccd.runs.checkpoint_file.replacing", lambda _: fail(error))
        run(tmp_path / "run", observer=told)
    assert any("no checkpoint after epoch 1: cannot write this" in note for note in told.notes)
    assert_same(tmp_path / "run", whole)


@pytest.mark.parametrize("failures", [1, 2])
def test_a_model_that_cannot_be_written_is_tried_once_more(tmp_path, whole, monkeypatch, failures):
    """A full disk; then it has room again, or it has not and the checkpoint is still there."""
    from ccd.runs import model_file

    write, calls = model_file.write_model, []

    def write_or_fail(*arguments):
        calls.append(arguments)
        if len(calls) <= failures:
            raise ResourceError("cannot write this: no room")
        write(*arguments)

    monkeypatch.setattr(files, "PAUSE", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(model_file, "write_model", write_or_fail)
        if failures == 2:
            with pytest.raises(ResourceError, match="no room"):
                run(tmp_path / "run")
            assert [kept.epochs for kept in unfinished_runs(tmp_path / "run")] == [5]
        else:
            run(tmp_path / "run")
    run(tmp_path / "run")
    assert_same(tmp_path / "run", whole)


class Diverging:
    """The loss of one backbone is no number from some epoch on."""

    def __init__(self, monkeypatch, epoch):
        from ccd.training.trainer import Training

        train = Training._train

        def broken(training, at):
            if at >= epoch and training.model.aligner is None:
                raise NumericError(f"loss term 'random' became nan in epoch {at}")
            return train(training, at)

        monkeypatch.setattr(Training, "_train", broken)


def test_what_diverges_keeps_its_best_epoch_and_the_others_are_trained(tmp_path, monkeypatch):
    Diverging(monkeypatch, epoch=4)
    both = ("FREEDOM", "FREEDOM+DMA")
    with pytest.raises(NumericError, match="1 of 2 runs diverged") as caught:
        run(tmp_path / "run", only=both)
    what = "loss term 'random' became nan in epoch 4"
    assert f"variant 'FREEDOM', seed 1: {what}" in str(caught.value)
    results = {result.variant: result for result in read_results(tmp_path / "run")}
    assert set(results) == set(both)
    assert results["FREEDOM"].diverged == what
    assert results["FREEDOM"].epochs == 4
    assert results["FREEDOM+DMA"].diverged is None
    assert (tmp_path / "run/FREEDOM-1/model.safetensors").exists()
    table = (tmp_path / "run/table.md").read_text()
    assert "Diverged, shown at the best epoch before: FREEDOM (seed 1)." in table
    told = Told()
    with pytest.raises(NumericError, match="1 of 2 runs diverged"):  # found so, not trained again
        run(tmp_path / "run", only=both, observer=told)
    assert told.epochs == 0


def test_what_diverges_at_once_leaves_nothing_and_the_others_are_trained(tmp_path, monkeypatch):
    Diverging(monkeypatch, epoch=0)
    with pytest.raises(NumericError, match="1 of 2 runs diverged"):
        run(tmp_path / "run", only=("FREEDOM", "FREEDOM+DMA"))
    assert [result.variant for result in read_results(tmp_path / "run")] == ["FREEDOM+DMA"]


def start(out, *bindings):
    words = [sys.executable, "-m", "ccd", "run", RECIPE, "--seed", "1", "--out", str(out)]
    for text in [*SMALL, *bindings]:
        words += ["--set", text]
    return subprocess.Popen(
        [*words, "--only", FULL], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def wait_for(condition, process, seconds=60.0):
    until = time.monotonic() + seconds
    while not condition() and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.01)


def n_lines(path):
    return path.read_text().count("\n") if path.exists() else 0


LONG = ("Trainer.epochs = 40", "Checkpoint.every_seconds = 0.05")
BOTH = ("FREEDOM", FULL)


def fork(out, seeds=(1,)):
    """A run in a process of its own, without the seconds that imports take."""
    return forked(lambda: run(out, *LONG, only=BOTH, seeds=seeds))


def test_runs_that_are_killed_at_random_moments_lose_nothing(tmp_path):
    run(tmp_path / "whole", *LONG, only=BOTH)
    began = time.monotonic()  # a busy machine gets less far in a given time
    os.waitpid(fork(tmp_path / "timed"), 0)
    undisturbed = time.monotonic() - began
    out, rng, kills = tmp_path / "run", random.Random(0), 0
    while not all((out / f"{name}-1/run.json").exists() for name in BOTH):
        child = fork(out)
        time.sleep(rng.uniform(0.1, 0.3) * undisturbed)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        kills += 1
        assert kills < 100
    told = Told()
    run(out, *LONG, only=BOTH, observer=told)
    assert kills > 0
    assert told.epochs < 40
    assert_same(out, tmp_path / "whole")
    assert not [*out.rglob("*.tmp"), *out.rglob(CHECKPOINT_FILE)]


def test_what_another_process_trains_is_waited_for_and_taken_over(tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    lease = Lease(out, f"{FULL}-1")
    assert lease.take()
    lease.tell()

    class Waiting(Told):
        def note(self, message):
            super().note(message)
            if message.endswith(" trains it"):
                assert self.epochs == 0
                lease.release()

    told = Waiting()
    run(out, observer=told)
    assert any(note.startswith(f"{FULL} seed 1: process {os.getpid()} on ") for note in told.notes)
    assert told.epochs == 6


def test_processes_share_a_folder_and_take_over_from_dead_ones(tmp_path):
    seeds = (1, 2)
    run(tmp_path / "whole", *LONG, only=BOTH, seeds=seeds)
    out, rng = tmp_path / "run", random.Random(1)
    children = [fork(out, seeds) for _ in range(3)]
    for _ in range(6):
        time.sleep(rng.uniform(0.1, 0.5))
        children.append(fork(out, seeds))
        victim = children.pop(rng.randrange(len(children)))
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
    run(out, *LONG, only=BOTH, seeds=seeds)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 3
    assert_same(out, tmp_path / "whole")
    manifest = json.loads((out / "manifest.json").read_text())
    assert len(manifest["earlier"]) >= 3
    run(out, *LONG, only=BOTH, seeds=seeds)  # removes what was half written where others trained
    assert not [*out.rglob("*.tmp"), *out.rglob(CHECKPOINT_FILE), *out.rglob("*.torn")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_a_checkpoint_and_a_code_of_its_own(tmp_path, number):
    out = tmp_path / "run"
    process = start(out, "Checkpoint.every_seconds = 1000", "Trainer.epochs = 5000")
    wait_for(lambda: n_lines(out / "history.jsonl") > 2, process)
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    epochs = n_lines(out / "history.jsonl")
    assert f"goes on after epoch {epochs} (checkpoint of" in said.replace("\n", " ")
    assert [kept.epochs for kept in unfinished_runs(out)] == [epochs]
    shutil.rmtree(out)
