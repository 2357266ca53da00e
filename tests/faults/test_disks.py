"""Disks that are full or read-only, and files that may grow no further, by the kernel itself."""

import ctypes
import os
import resource
import subprocess

import pytest

from ccd import files
from ccd.errors import CcdError, ResourceError
from ccd.finished.results import load_run
from ccd.runs.folder import read_results
from tests.faults.processes import ended, forked
from tests.interruptions import FULL, assert_same, run

BOTH = ("FREEDOM", FULL)
_NEW_MOUNTS = 0x00020000
"""CLONE_NEWNS: what is mounted afterwards is seen by this process and its children only."""


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """What two variants give where nothing is in their way."""
    folder = tmp_path_factory.mktemp("both")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCD_CACHE", str(folder / "cache"))
        run(folder / "run", only=BOTH)
    return folder / "run"


@pytest.fixture(autouse=True)
def quick(both, monkeypatch):
    """Without waiting, and with graphs that are there already: the run folder is what fails."""
    monkeypatch.setattr(files, "PAUSE", 0.0)
    monkeypatch.setenv("CCD_CACHE", str(both.parent / "cache"))


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True, capture_output=True)


def with_own_mounts(work):
    """Do ``work`` where it may mount file systems; skip where nobody may."""
    may_not = 77

    def begin():
        if ctypes.CDLL(None, use_errno=True).unshare(_NEW_MOUNTS) != 0:
            os._exit(may_not)
        try:
            mount("--make-rprivate", "/")
        except (OSError, subprocess.CalledProcessError):
            os._exit(may_not)
        work()

    code = ended(forked(begin))
    if code == may_not:
        pytest.skip("mounting a file system takes the rights of root")
    assert code == 0


@pytest.mark.parametrize("kilobytes", [24, 300])
def test_a_full_disk_costs_nothing_that_was_finished(tmp_path, both, kilobytes):
    disk = tmp_path / "disk"
    disk.mkdir()

    def fill():
        mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", disk)
        with pytest.raises(ResourceError, match="cannot write this: No space left on device"):
            run(disk / "run", only=BOTH)
        left = read_results(disk / "run")
        assert not [*disk.rglob("*.tmp")]
        mount("-o", "remount,size=64m", disk)
        run(disk / "run", only=BOTH)
        assert read_results(disk / "run")[: len(left)] == left
        assert_same(disk / "run", both)

    with_own_mounts(fill)


@pytest.mark.parametrize("share", [0.01, 0.9])
def test_files_that_may_not_grow(tmp_path, whole, share):
    """``ulimit -f``, and a quota that is used up in the middle of a file."""
    largest = max(path.stat().st_size for path in whole.rglob("*.safetensors"))

    def limited():
        limit = int(share * largest)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        with pytest.raises(ResourceError, match="cannot write this"):
            run(tmp_path / "run")

    assert ended(forked(limited)) == 0
    assert not [*(tmp_path / "run").rglob("*.tmp")]
    run(tmp_path / "run")
    assert_same(tmp_path / "run", whole)


def test_a_disk_that_turns_read_only(tmp_path, both):
    """What is on it can still be read, and it goes on once the disk is writable again."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def turn():
        mount("-t", "tmpfs", "tmpfs", disk)
        run(disk / "run", only=BOTH[:1])
        mount("-o", "remount,ro", disk)
        with pytest.raises(ResourceError, match="Read-only file system"):
            run(disk / "run", only=BOTH)
        assert len(load_run(disk / "run").results) == 1
        mount("-o", "remount,rw", disk)
        run(disk / "run", only=BOTH)
        assert_same(disk / "run", both)

    with_own_mounts(turn)


def test_open_files_that_are_too_many_are_a_refusal(tmp_path, whole):
    """``ulimit -n``: no traceback, and the same command goes on where there are enough."""

    def limited():
        free = os.dup(0)  # the lowest number that is free
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + 2, free + 2))
        try:
            run(tmp_path / "run")
        except (CcdError, OSError):
            os._exit(70)

    assert ended(forked(limited)) == 70
    run(tmp_path / "run")
    assert_same(tmp_path / "run", whole)
