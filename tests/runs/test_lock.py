import multiprocessing
import os
import signal

import pytest

from ccd.errors import LockedError
from ccd.runs.lock import HOLDER_FILE, FolderLock


def _hold(folder, ready):
    lock = FolderLock(folder)  # kept: a lock nobody refers to lets go
    lock.acquire()
    ready.set()
    signal.pause()


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock."""
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=_hold, args=(tmp_path, ready), daemon=True)
    process.start()
    assert ready.wait(20)
    yield process
    process.kill()
    process.join()


def test_second_process_is_refused_and_told_who_holds_it(tmp_path, holder):
    with pytest.raises(LockedError, match=f"process {holder.pid} on .*started 2") as refusal:
        FolderLock(tmp_path).acquire()
    assert "--out" in str(refusal.value)
    assert refusal.value.exit_code == 6


def test_lock_of_a_killed_process_is_taken_over_and_said(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    lock = FolderLock(tmp_path)
    note = lock.acquire()
    assert note is not None
    assert f"process {holder.pid}" in note
    lock.release()
    assert not (tmp_path / HOLDER_FILE).exists()


def test_released_lock_is_free_without_a_note(tmp_path):
    first = FolderLock(tmp_path)
    assert first.acquire() is None
    with pytest.raises(LockedError):
        FolderLock(tmp_path).acquire()
    first.release()
    second = FolderLock(tmp_path)
    assert second.acquire() is None
    second.release()
