"""Where no thread can be started, nothing waits for ever: it works without, or it is refused."""

import subprocess
import sys

import pytest

# A thread's stack takes what the process may have at most of address space.
LIMITS = "ulimit -s 16000000 && ulimit -v 9000000 && "
TINY = "--set 'Trainer.epochs = 1' --set 'planted_world.n_users = 90' --seed 1"
NO_THREAD = "import threading; threading.Thread(target=print).start()"


def limited(command, cwd, **options):
    words = ["bash", "-c", LIMITS + f"exec {sys.executable} {command}"]
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=60, **options)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))
    tried = limited(f"-c '{NO_THREAD}'", tmp_path)
    if "can't start new thread" not in tried.stderr:
        pytest.skip(f"threads cannot be forbidden here: {tried.stderr[-200:]}")
    return tmp_path


def test_a_run_and_its_readers_end(folder):
    for command in (
        f"run recipes/systems/bpr_mf.gin {TINY} --out run",
        "compare run",
        "recommend run --out lists.parquet",
    ):
        done = limited(f"-m ccd {command}", folder)
        assert done.returncode == 0, done.stderr


def test_a_table_that_is_read_by_threads_is_refused(folder):
    (folder / "a.inter").write_text("userID\titemID\tx_label\n0\t0\t0\n0\t1\t1\n0\t2\t2\n")
    (folder / "a.gin").write_text(
        "Experiment.dataset = @mmrec_dataset\nmmrec_dataset.name = 'a'\n"
        "mmrec_dataset.interactions = 'a.inter'\nmmrec_dataset.features = {}\n"
    )
    done = limited("-m ccd data describe a.gin --data-dir .", folder)
    assert done.returncode == 5
    assert "no thread can be started for reading a.inter" in done.stderr
