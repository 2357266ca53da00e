"""Where no thread can be started, nothing waits for ever: it works without, or it is refused."""

import os
import shlex
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from tests.commands import ROOT, commands
from tests.importing.worlds import import_paths

# A thread's stack takes what the process may have at most of address space.
LIMITS = "ulimit -s 16000000 && ulimit -v 9000000"
TINY = "--set 'Trainer.epochs = 1' --set 'planted_world.n_users = 90' --seed 1"
ALONE = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
NO_THREAD = "import threading; threading.Thread(target=print).start()"


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    """Commands that may not start a thread."""
    words = ["bash", "-c", f"{LIMITS} && exec {sys.executable} -c '{NO_THREAD}'"]
    tried = subprocess.run(words, capture_output=True, text=True)
    if "can't start new thread" not in tried.stderr:
        pytest.skip(f"threads cannot be forbidden here: {tried.stderr[-200:]}")
    with commands(LIMITS, CCD_CACHE=str(tmp_path_factory.mktemp("cache"))) as made:
        yield lambda text, cwd: made.run(*shlex.split(text), folder=cwd)


def test_a_run_and_its_readers_end(limited, tmp_path):
    for command in (
        f"run recipes/systems/bpr_mf.gin {TINY} --out run",
        "compare run",
        "recommend run --out lists.parquet",
    ):
        done = limited(command, tmp_path)
        assert done.returncode == 0, done.stderr


def test_an_imported_data_set_and_an_export_are_read(limited, tmp_path):
    """Their tables are Parquet, which the simplest reader of Arrow reads by threads."""
    lines = (f"u{user},i{item}" for user in range(30) for item in range(user % 7, 60, 3))
    (tmp_path / "events.csv").write_text("\n".join(["user,item", *lines]) + "\n")
    import_paths(tmp_path / "shop", tmp_path / "events.csv")
    for command in (
        "data describe shop",
        "run recipes/systems/bpr_mf.gin --dataset shop --set 'Trainer.epochs = 1' --seed 1 "
        "--out run",
        "recommend run --out lists.parquet",
        "import-results lists.parquet --out run --name other --data-dir shop",
        "export run --variant BPR-MF --to served",
    ):
        done = limited(command, tmp_path)
        assert done.returncode == 0, done.stderr
    served = "from ccd.serving.vectors import open_vectors as o, Path; o(Path('served'))"
    words = ["bash", "-c", f'{LIMITS} && exec {sys.executable} -c "{served}"']
    assert subprocess.run(words, cwd=tmp_path, env=ALONE).returncode == 0


@pytest.mark.parametrize("name", ["events.csv", "events.parquet"])
def test_events_that_are_read_by_threads_are_refused(limited, tmp_path, name):
    table = pa.table({"user": ["a", "a", "b"], "item": ["x", "y", "x"]})
    if name == "events.csv":
        csv.write_csv(table, tmp_path / name)
    else:
        parquet.write_table(table, tmp_path / name)
    done = limited(f"data import {name} --out shop", tmp_path)
    assert done.returncode == 5
    assert f"no thread can be started for reading {name}" in done.stderr
    assert not (tmp_path / "shop").exists()


def test_a_table_that_is_read_by_threads_is_refused(limited, tmp_path):
    (tmp_path / "a.inter").write_text("userID\titemID\tx_label\n0\t0\t0\n0\t1\t1\n0\t2\t2\n")
    (tmp_path / "a.gin").write_text(
        "Experiment.dataset = @mmrec_dataset\nmmrec_dataset.name = 'a'\n"
        "mmrec_dataset.interactions = 'a.inter'\nmmrec_dataset.features = {}\n"
    )
    done = limited("data describe a.gin --data-dir .", tmp_path)
    assert done.returncode == 5
    assert "no thread can be started for reading a.inter" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_without_threads_ends_when_it_is_told_to(limited, tmp_path, number):
    endless = "--set 'Trainer.epochs = 100000' --set 'EarlyStopping.patience = 100000'"
    command = f"-m ccd run recipes/systems/bpr_mf.gin {TINY} {endless} "
    words = ["bash", "-c", f"{LIMITS} && exec {sys.executable} {command} --out run"]
    with subprocess.Popen(
        words, cwd=tmp_path, env=ALONE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            until = time.monotonic() + 60
            while not (tmp_path / "run/history.jsonl").exists() and time.monotonic() < until:
                time.sleep(0.1)
            process.send_signal(number)
            output, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 128 + number
    assert f"stopped by {number.name}" in output
    assert (tmp_path / "run/BPR-MF-1/checkpoint.safetensors").exists()
