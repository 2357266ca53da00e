import multiprocessing
import os
import signal
import threading

import pytest

from ccd.errors import LockedError
from ccd.runs import lock as lock_module
from ccd.runs.lock import FolderLock, Lease, leases


def _hold(folder, ready):
    lease = Lease(folder, "A-1")  # kept: a lock nobody refers to lets go
    lease.take()
    lease.tell({"variant": "A"})
    with FolderLock(folder).held():
        ready.set()
        signal.pause()


@pytest.fixture
def holder(tmp_path):
    """Another process that holds both."""
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=_hold, args=(tmp_path, ready), daemon=True)
    process.start()
    assert ready.wait(20)
    yield process
    process.kill()
    process.join()


def test_a_change_waits_for_another_process_but_not_for_ever(tmp_path, holder, monkeypatch):
    monkeypatch.setattr(lock_module, "_PATIENCE", 0.1)
    with pytest.raises(LockedError, match="has been changing this run folder") as refusal:
        FolderLock(tmp_path).held().__enter__()
    assert "--out" in str(refusal.value)
    assert refusal.value.exit_code == 6
    monkeypatch.setattr(lock_module, "_PATIENCE", 20)
    threading.Timer(0.2, lambda: os.kill(holder.pid, signal.SIGKILL)).start()
    with FolderLock(tmp_path).held():
        pass


def test_changes_may_lie_within_one_another(tmp_path):
    lock = FolderLock(tmp_path)
    with lock.held(), lock.held():
        pass
    with FolderLock(tmp_path).held():
        pass


def test_a_run_has_one_process_whose_lease_dies_with_it(tmp_path, holder):
    lease = Lease(tmp_path, "A-1")
    assert not lease.take()
    assert lease.holder().startswith(f"process {holder.pid} on ")
    assert [one.about() for one in leases(tmp_path)] == [{"variant": "A"}]
    assert Lease(tmp_path, "B-1").take()
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    assert [one.about() for one in leases(tmp_path)] == [None]
    assert lease.take()
    assert not Lease(tmp_path, "A-1").take()
    lease.release()
    assert leases(tmp_path) == []
    assert Lease(tmp_path, "A-1").take()
