"""``torchrun -m ccd run``: several processes, one model, and the numbers of a single process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import ccd
from ccd.runs.checkpoint_file import read_state
from ccd.runs.folder import read_history
from ccd.runs.manifest import read_manifest
from tests.interruptions import FULL, RECIPE, SMALL, run, state_of

ROOT = Path(__file__).parents[2]
SOFTMAX = "recipes/softmax_freedom.gin"
NAMES = ("FREEDOM+softmax", "FREEDOM+softmax+DMA+NDI+CNS")


class Command:
    """A program that ``torchrun`` starts in several processes; what it says goes to a file."""

    def __init__(self, folder, size, *words):
        self.said = folder / "said"
        program = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "CCD_CACHE": str(folder / "cache")}
        with self.said.open("ab") as said:
            self.process = subprocess.Popen(
                [*program, "--nproc-per-node", str(size), *words],
                env={**environment, "OMP_NUM_THREADS": "1"},
                stdout=said,
                stderr=said,
            )

    def code(self, seconds=250):
        try:
            return self.process.wait(timeout=seconds)
        finally:
            if self.process.poll() is None:
                self.process.terminate()

    def lines(self, beginning):
        return [line for line in self.said.read_text().splitlines() if line.startswith(beginning)]

    def ranks(self):
        """Process ids by rank."""
        found = {}
        for pid in (
            Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        ):
            words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            found |= {int(w[5:]): int(pid) for w in words if w.startswith(b"RANK=")}
        return found


def of_recipe(recipe):
    """The settings of a small run that the recipe has."""
    parts = "CurricularSampler." if recipe == SOFTMAX else "none"
    return [text for text in SMALL if not text.startswith(parts)]


def train(folder, size, *, recipe=RECIPE, only=(FULL,), bindings=(), seed="1"):
    words = ["-m", "ccd", "run", recipe, "--out", str(folder / "run"), "--seed", seed]
    for text in [*of_recipe(recipe), *bindings]:
        words += ["--set", text]
    return Command(folder, size, *words, *(word for name in only for word in ("--only", name)))


def assert_close(ours, theirs):
    """The same epochs, best epochs, losses, metrics, values per user and weights."""
    (epochs, results, models), others = state_of(ours), state_of(theirs)
    assert len(epochs) == len(others[0]) > 0
    for one, other in zip(epochs, others[0], strict=True):
        assert one["losses"] == pytest.approx(other["losses"], rel=1e-4)
        assert one["valid"] == pytest.approx(other["valid"], abs=1e-4)
    for one, other in zip(results, others[1], strict=True):
        assert (one["variant"], one["best_epoch"]) == (other["variant"], other["best_epoch"])
        assert one["test"] == pytest.approx(other["test"], abs=1e-4)
    assert models.keys() == others[2].keys()
    for name, tensors in models.items():
        for key, tensor in tensors.items():
            torch.testing.assert_close(tensor, others[2][name][key], rtol=1e-3, atol=1e-4)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(("recipe", "only"), [(RECIPE, ("FREEDOM", FULL)), (SOFTMAX, NAMES)])
def test_two_ranks_give_what_one_process_gives(tmp_path, recipe, only):
    command = train(tmp_path, 2, recipe=recipe, only=only)
    ccd.run(recipe, bindings=of_recipe(recipe), only=only, seeds=(1,), out=tmp_path / "alone")
    assert command.code() == 0
    assert_close(tmp_path / "run", tmp_path / "alone")
    assert read_manifest(tmp_path / "run")["processes"] == 2
    assert len(command.lines("run folder: ")) == 2  # at the beginning and at the end
    assert len(command.lines("note: 2 processes train each run together")) == 1


@pytest.mark.parametrize("sizes", [(2, 1), pytest.param((4, 2), marks=pytest.mark.slow)])
def test_a_run_goes_on_with_another_number_of_ranks(tmp_path, sizes):
    longer = ("Trainer.epochs = 20",)
    first = train(tmp_path, sizes[0], bindings=longer)
    checkpoint = tmp_path / "run" / f"{FULL}-1" / "checkpoint.safetensors"
    wait_for(first, checkpoint.exists)
    first.process.send_signal(signal.SIGINT)
    first.code()
    assert checkpoint.exists()
    assert 0 < len(read_history(tmp_path / "run")) < 20
    second = train(tmp_path, sizes[1], bindings=longer)
    run(tmp_path / "alone", *longer)
    assert second.code() == 0
    assert_close(tmp_path / "run", tmp_path / "alone")


def wait_for(command, condition):
    until = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < until
        assert command.process.poll() is None
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("number", "rank"),
    [
        (signal.SIGKILL, 1),
        (signal.SIGSTOP, 1),
        pytest.param(signal.SIGKILL, 0, marks=pytest.mark.slow),
        pytest.param(signal.SIGSTOP, 0, marks=pytest.mark.slow),
    ],
)
def test_a_rank_that_dies_or_hangs_ends_all(tmp_path, number, rank):
    endless = ("Trainer.epochs = 100000", "EarlyStopping.patience = 100000")
    command = train(tmp_path, 2, bindings=(*endless, "Experiment.rank_timeout = 3.0"))
    checkpoint = tmp_path / "run" / f"{FULL}-1" / "checkpoint.safetensors"
    wait_for(command, checkpoint.exists)
    pids = command.ranks()
    os.kill(pids[rank], number)
    began = time.monotonic()
    assert command.code() != 0
    assert time.monotonic() - began < 30
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids.values())
    errors = command.lines("ccd: error: ")
    assert len(errors) == 1
    assert f"rank {rank} (process {pids[rank]} on " in errors[0]
    assert "has ended or does not answer" in errors[0]
    assert read_state(checkpoint)["training"]["n_epochs"] > 0


def test_what_cannot_be_is_refused_once(tmp_path):
    command = train(tmp_path, 2, only=("NONE",))
    assert command.code() != 0
    assert len(command.lines("ccd: error: ")) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("refusal", "told: DataError: rank 1: no such file; copy it"),
        ("other data", "told: ConfigError: rank 1 has another data set than rank 0; start the"),
        ("fails", "told: DataError: rank 1: a table is damaged"),
        ("wrong words", "told: DataError: rank 1: no such recipe"),
    ],
)
def test_the_first_rank_tells_what_another_refuses(tmp_path, case, told):
    command = Command(tmp_path, 2, str(ROOT / "tests/ranks/primitives.py"), case)
    assert command.code() != 0
    (line,) = command.lines("told: ")
    assert line.startswith(told)


def test_tables_gradients_and_orders_come_together_in_one_run_after_the_other(tmp_path):
    command = Command(tmp_path, 2, str(ROOT / "tests/ranks/primitives.py"), "twice")
    assert command.code() == 0, command.said.read_text()
    assert sorted(command.lines("rank ")) == [f"rank {n} of 2 is content" for n in (0, 0, 1, 1)]
