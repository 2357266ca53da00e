import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

import ccd
from ccd.runs import machine


def test_versions_name_ccd_and_every_package():
    versions = machine.versions()
    assert versions["ccd"] == ccd.__version__
    assert versions["numpy"] == np.__version__
    assert set(machine.PACKAGES) < set(versions)


def test_machine_tells_plain_facts():
    facts = machine.machine()
    assert facts["cpu"]
    assert 1 <= facts["cores"] <= psutil.cpu_count()
    assert facts["memory_mb"] == round(psutil.virtual_memory().total / 2**20)


def test_peak_memory_grows_by_what_is_allocated():
    before = machine.peak_rss_mb()
    resident = psutil.Process().memory_info().rss / 2**20
    ballast = np.ones(int((before - resident + 64) * 2**20), dtype=np.uint8)
    assert machine.peak_rss_mb() >= before + 30
    assert ballast[-1] == 1


def test_git_commit_says_dirty_and_is_none_outside(tmp_path):
    assert machine.git_commit(tmp_path) is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "a").write_text("1")
    subprocess.run([*git, "add", "a"], check=True)
    subprocess.run([*git, "commit", "-qm", "x"], check=True)
    (tmp_path / "below").mkdir()
    assert machine.git_commit(tmp_path / "below") is None
    commit = machine.git_commit(tmp_path)
    assert commit is not None
    assert len(commit) == 40
    (tmp_path / "a").write_text("2")
    assert machine.git_commit(tmp_path) == f"{commit}-dirty"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says it")
def test_the_peak_of_a_process_is_not_that_of_the_one_that_started_it():
    big = bytearray(200 * 2**20)
    tell = "from ccd.runs.machine import peak_rss_mb; print(peak_rss_mb())"
    child = subprocess.run([sys.executable, "-c", tell], capture_output=True, text=True, check=True)
    assert float(child.stdout) < 150 < len(big) / 2**20
