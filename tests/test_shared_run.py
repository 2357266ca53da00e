"""``ccd run --workers``: one folder, one display and one exit code of several processes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ccd.runs.folder import read_history, unfinished_runs
from ccd.shared_run import _take_device
from tests.interruptions import FULL, RECIPE, SMALL, assert_same, run

ROOT = Path(__file__).parents[1]
BOTH = ("FREEDOM", FULL)


def start(folder, out, *words, recipe=RECIPE, only=BOTH, bindings=()):
    command = [sys.executable, "-m", "ccd", "run", str(recipe), "--out", str(out), *words]
    for text in [*(SMALL if only else SMALL[:4]), *bindings]:
        command += ["--set", text]
    for name in only:
        command += ["--only", name]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CCD_CACHE": str(folder / "cache")}
    return subprocess.Popen(
        [*command, "--workers", "2", "--json"], env={**environment, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def events_of(process):
    said, errors = process.communicate(timeout=120)
    return [json.loads(line) for line in said.splitlines()], errors


def test_two_workers_do_what_one_process_does(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))
    run(tmp_path / "whole", only=BOTH, seeds=(1, 2))
    process = start(tmp_path, tmp_path / "run", "--seed", "1", "--seed", "2")
    events, errors = events_of(process)
    assert process.returncode == 0, errors
    kinds = [event["event"] for event in events]
    assert kinds[0] == "started"
    assert kinds[-2:] == ["report", "closed"]
    assert kinds.count("started") == 1
    ended = [(event["variant"], event["seed"]) for event in events if event["event"] == "finished"]
    assert sorted(ended) == sorted((variant, seed) for variant in BOTH for seed in (1, 2))
    assert kinds.count("epoch") == len(read_history(tmp_path / "run"))
    assert not any("trains it" in event.get("message", "") for event in events)
    assert_same(tmp_path / "run", tmp_path / "whole")
    manifest = json.loads((tmp_path / "run/manifest.json").read_text())
    assert [record["status"] for record in (manifest, *manifest["earlier"])] == ["finished"] * 2
    assert "--workers" in manifest["command"]
    assert not list(tmp_path.glob("ccd-workers-*"))
    again = start(tmp_path, tmp_path / "run", "--seed", "1", "--seed", "2")
    events, _ = events_of(again)
    assert again.returncode == 0
    assert [event["skipped"] for event in events if event["event"] == "finished"] == [True] * 4


def test_ctrl_c_ends_all_after_their_epoch_with_checkpoints(tmp_path):
    out = tmp_path / "run"
    more = ("Trainer.epochs = 5000", "Checkpoint.every_seconds = 1000")
    process = start(tmp_path, out, "--seed", "1", bindings=more)
    trained = set()
    while trained != set(BOTH):
        event = json.loads(process.stdout.readline())
        trained |= {event["variant"]} if event["event"] == "epoch" else set()
    process.send_signal(signal.SIGINT)
    events, errors = events_of(process)
    assert process.returncode == 130, errors
    (stopped,) = [event for event in events if event["event"] == "stopped"]
    for kept in unfinished_runs(out):
        assert f"{kept.variant} seed 1 goes on after epoch {kept.epochs}" in stopped["kept"]
        assert kept.epochs == sum(line.variant == kept.variant for line in read_history(out))
    assert {kept.variant for kept in unfinished_runs(out)} == set(BOTH)
    assert "--workers 2" in stopped["go_on"]


def test_a_killed_worker_is_replaced(tmp_path, monkeypatch):
    """Nothing is told twice, and what the dead one trained goes on from its checkpoint."""
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))
    more = ("Trainer.epochs = 60", "EarlyStopping.patience = 1000")
    run(tmp_path / "whole", *more, only=BOTH)
    out = tmp_path / "run"
    process = start(tmp_path, out, "--seed", "1", bindings=more)
    epochs = 0
    while epochs < 5:
        epochs += json.loads(process.stdout.readline())["event"] == "epoch"
    (about,) = [*(out / ".leases").glob(f"{FULL}-1.json")]
    victim = int(json.loads(about.read_text())["holder"].split()[1])
    os.kill(victim, signal.SIGKILL)
    events, errors = events_of(process)
    assert process.returncode == 0, errors
    assert sum("goes on after epoch" in event.get("message", "") for event in events) == 1
    assert sum(event["event"] == "finished" for event in events) == 2
    assert_same(out, tmp_path / "whole")


def test_what_a_worker_refuses_is_refused_once(tmp_path):
    process = start(tmp_path, tmp_path / "run", bindings=("Experiment.device = 'cuda:97'",))
    events, errors = events_of(process)
    assert process.returncode == 5
    assert events == []
    assert errors.count("has no device 'cuda:97'") == 1
    assert [path.name for path in tmp_path.iterdir()] in ([], ["cache"])


WILD = """\
include 'gin/base.gin'
include 'gin/backbones/bpr_mf.gin'
Ablation:
  variants = {'wild': ['Trainer.learning_rate = 1e30'], 'sound': []}
  seeds = (1, 2)
"""


def test_what_diverges_does_not_stop_the_others(tmp_path):
    (tmp_path / "own.gin").write_text(WILD)
    process = start(tmp_path, tmp_path / "run", recipe=tmp_path / "own.gin", only=())
    events, errors = events_of(process)
    assert process.returncode == 4
    assert "2 of 4 runs diverged" in errors
    results = [event for event in events if event["event"] == "finished"]
    assert {event["variant"] for event in results if not event["diverged"]} == {"sound"}
    assert len([event for event in results if event["variant"] == "sound"]) == 2


@pytest.mark.parametrize(("devices", "taken"), [(0, []), (1, []), (3, [0, 1, 2, 0])])
def test_workers_take_the_devices_in_turn(monkeypatch, devices, taken):
    import torch

    set_to = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: devices)
    monkeypatch.setattr(torch.cuda, "set_device", set_to.append)
    for number in range(4):
        _take_device(number)
    assert set_to == taken
