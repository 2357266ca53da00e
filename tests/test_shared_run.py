"""``ccd run --workers``: one folder, one display and one exit code of several processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from ccd.progress.plain import JsonProgress
from ccd.runs.folder import read_history, unfinished_runs
from ccd.runs.lock import holder_of
from ccd.runs.records import SilentObserver
from ccd.runs.writing import RunFolder
from ccd.shared_run import _Relay
from tests.interruptions import FULL, RECIPE, SMALL, assert_same, run
from tests.runs.samples import finish, make_epoch, make_plan, make_result

ROOT = Path(__file__).parents[1]
BOTH = ("FREEDOM", FULL)


class Command:
    """``ccd run --workers 2 --json``, whose events can be looked at while it works."""

    def __init__(self, folder, *words, recipe=RECIPE, only=BOTH, bindings=()):
        self.out, self._said = folder / "run", folder / "said"
        command = [sys.executable, "-m", "ccd", "run", str(recipe), "--out", str(self.out), *words]
        for text in [*(SMALL if only else SMALL[:4]), *bindings]:
            command += ["--set", text]
        for name in only:
            command += ["--only", name]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "CCD_CACHE": str(folder / "cache")}
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [*command, "--workers", "2", "--json"],
                env={**environment, "TMPDIR": str(folder)},
                stdout=said,
            )

    def events(self, kind=None):
        lines = self._said.read_bytes().split(b"\n")[:-1]
        events = [json.loads(line) for line in lines]
        return [event for event in events if kind is None or event.get("event") == kind]

    def wait_for(self, condition):
        until = time.monotonic() + 120
        while not condition(self.events("epoch")):
            assert time.monotonic() < until
            assert self.process.poll() is None
            time.sleep(0.05)

    def code(self):
        return self.process.wait(timeout=120)


def test_two_workers_do_what_one_process_does(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))
    run(tmp_path / "whole", only=BOTH, seeds=(1, 2))
    command = Command(tmp_path, "--seed", "1", "--seed", "2")
    assert command.code() == 0
    kinds = [event["event"] for event in command.events()]
    assert kinds[0] == "started"
    assert kinds[-2:] == ["report", "closed"]
    assert kinds.count("started") == 1
    ended = [(event["variant"], event["seed"]) for event in command.events("finished")]
    assert sorted(ended) == sorted((variant, seed) for variant in BOTH for seed in (1, 2))
    assert kinds.count("epoch") == len(read_history(command.out))
    assert not any("trains it" in event["message"] for event in command.events("note"))
    assert_same(command.out, tmp_path / "whole")
    manifest = json.loads((command.out / "manifest.json").read_text())
    assert [record["status"] for record in (manifest, *manifest["earlier"])] == ["finished"] * 2
    assert "--workers" in manifest["command"]
    assert not list(tmp_path.glob("ccd-workers-*"))


def test_ctrl_c_ends_all_after_their_epoch_with_checkpoints(tmp_path):
    more = (
        "Trainer.epochs = 5000", "EarlyStopping.patience = 5000", "Checkpoint.every_seconds = 1000",
    )  # fmt: skip
    command = Command(tmp_path, "--seed", "1", bindings=more)
    command.wait_for(lambda epochs: {epoch["variant"] for epoch in epochs} == set(BOTH))
    command.process.send_signal(signal.SIGINT)
    assert command.code() == 130
    (stopped,) = command.events("stopped")
    left = unfinished_runs(command.out)
    assert {kept.variant for kept in left} == set(BOTH)
    for kept in left:
        assert f"{kept.variant} seed 1 goes on after epoch {kept.epochs}" in stopped["kept"]
        trained = [line for line in read_history(command.out) if line.variant == kept.variant]
        assert kept.epochs == len(trained)
    assert "--workers 2" in stopped["go_on"]


def test_a_killed_worker_is_replaced(tmp_path, monkeypatch):
    """Nothing is told twice, and what the dead one trained goes on from its checkpoint."""
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))
    more = ("Trainer.epochs = 60", "EarlyStopping.patience = 1000")
    run(tmp_path / "whole", *more, only=BOTH)
    command = Command(tmp_path, "--seed", "1", bindings=more)
    command.wait_for(lambda epochs: sum(epoch["variant"] == FULL for epoch in epochs) > 3)
    holder = json.loads((command.out / f".leases/{FULL}-1.json").read_text())["holder"]
    os.kill(int(holder.split()[1]), signal.SIGKILL)
    assert command.code() == 0
    notes = [event["message"] for event in command.events("note")]
    assert sum("goes on after epoch" in note for note in notes) == 1
    assert len(command.events("finished")) == 2
    assert_same(command.out, tmp_path / "whole")


def test_what_a_worker_refuses_is_refused_once(tmp_path):
    command = Command(tmp_path, bindings=("Experiment.device = 'cuda:97'",))
    assert command.code() == 5
    (told,) = command.events()
    assert told["error"]["what"].startswith("this machine has no device 'cuda:97'")
    assert not command.out.exists()
    assert not list(tmp_path.glob("ccd-workers-*"))


WILD = """\
include 'gin/base.gin'
include 'gin/backbones/bpr_mf.gin'
Ablation:
  variants = {'wild': ['Trainer.learning_rate = 1e30'], 'sound': []}
  seeds = (1, 2)
"""


def test_what_diverges_does_not_stop_the_others(tmp_path):
    (tmp_path / "own.gin").write_text(WILD)
    command = Command(tmp_path, recipe=tmp_path / "own.gin", only=())
    assert command.code() == 4
    assert "2 of 4 runs diverged" in command.events()[-1]["error"]["message"]
    results = [(event["variant"], event["seed"]) for event in command.events("finished")]
    assert sorted(results) == [("sound", 1), ("sound", 2)]


class Heard(SilentObserver):
    def __init__(self):
        self.heard = []

    def note(self, message):
        self.heard.append(message)

    def finished(self, result, *, skipped):
        self.heard.append((result.variant, skipped))


def test_each_thing_is_told_once(tmp_path, capsys):
    """Of what was finished before, by a worker, and by a process of somebody else."""
    with RunFolder(tmp_path / "run", metric="recall@20") as folder:
        finish(folder, make_result("A"))
    logs, plan = tmp_path / "logs", make_plan(variants=("A", "B", "C"))
    logs.mkdir()
    heard = Heard()
    relay = _Relay(heard, logs, tmp_path / "run")
    teller = JsonProgress()
    teller.started(plan)
    teller.note("a note")
    teller.note(f"B seed 999: {holder_of(4711)} trains it")
    teller.note("B seed 999: process 1 on elsewhere trains it")
    teller.epoch(make_epoch("C"))
    for variant, skipped in (("A", True), ("B", True), ("C", False)):
        teller.finished(make_result(variant), skipped=skipped)
    said = capsys.readouterr().out
    (logs / "1.log").write_text(f"a warning\n{{}}\n[1]\n{said[:-30]}")
    (logs / "2.log").write_text(said)
    relay.look([4711])
    (logs / "1.log").write_text(f"a warning\n{{}}\n[1]\n{said}")
    relay.look([4711])
    assert relay.over == {("A", 999), ("C", 999)}
    relay.close()
    other = "B seed 999: process 1 on elsewhere trains it"
    assert heard.heard == ["a note", other, ("A", True), ("C", False), ("B", True)]
