"""Processes of one host share its CUDA devices evenly; who replaces another takes its device."""

import json
import os
from pathlib import Path

import pytest

from ccd.crew import Crew, Job
from ccd.devices import device_of, take_device
from ccd.runs.signals import Halt

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("devices", "taken"),
    [(0, [None] * 5), (1, [None] * 5), (3, [0, 1, 2, 0, 1]), (8, [0, 1, 2, 3, 4])],
)
def test_processes_take_the_devices_in_turn(monkeypatch, devices, taken):
    import torch

    set_to = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: devices)
    monkeypatch.setattr(torch.cuda, "set_device", set_to.append)
    assert [device_of(number, devices) for number in range(5)] == taken
    for number in range(5):
        take_device(number)
    assert set_to == [device for device in taken if device is not None]


WORKER = """
import json, os, signal, sys, time
from pathlib import Path

import ccd.crew

def main():
    ccd.crew.take_device = lambda place: seen.append(place)
    ccd.crew.as_worker(work)

seen = []

def work(order, halt):
    folder = Path(json.loads(order)["folder"])
    (folder / f"{os.getpid()}.place").write_text(str(seen[0]))
    if seen == [1] and len(list(folder.glob("*.place"))) < 4:
        while len(list(folder.glob("*.place"))) < 3:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_that_replaces_another_takes_its_place(tmp_path, monkeypatch):
    (tmp_path / "placed_worker.py").write_text(WORKER)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(tmp_path)]))
    order = json.dumps({"folder": str(tmp_path)})
    job = Job("placed_worker", order, tmp_path / "logs", lambda: 0)
    with Halt() as halt:
        crew = Crew(job, 3, halt, lambda: None)
        crew.work()
    places = {int(p.stem): int(p.read_text()) for p in tmp_path.glob("*.place")}
    assert [places[pid] for pid in crew.pids] == [0, 1, 2, 1]
