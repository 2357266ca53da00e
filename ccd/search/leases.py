"""Who is alive: how a worker that died is told from one that trains.

A study hands out *slots*, one per trial of its budget. A worker holds the lease of its slot while
it trains; the trial of a dead worker is buried by whoever takes the slot next.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout
from optuna.exceptions import OptunaError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from ccd.errors import CcdError
from ccd.files import refusing_io

BEAT = "ccd:beat"
"""User attribute of a running trial that its worker counts up."""
MISSES = 4
"""A worker is dead after so many of its intervals without a sign of life."""


class Lease(Protocol):
    """The right to train a slot."""

    def release(self) -> None:
        """Let go of it."""


class Leases(Protocol):
    """Leases of the slots of one study."""

    def take(self, slot: int) -> Lease | None:
        """The lease of a slot, or None where a live worker is known to hold it."""

    def is_dead(self, trial: FrozenTrial) -> bool:
        """Whether the worker of a running trial is gone; asked with the slot's lease in hand."""

    def keep(self, trial_id: int) -> AbstractContextManager[None]:
        """Show signs of life while the block lasts."""


class FileLeases:
    """One lock file per slot; the operating system drops the lock of a process that dies.

    So the death is known at once, and only on the machine (or file system) of the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with refusing_io(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def take(self, slot: int) -> Lease | None:
        path = self._folder / f"slot-{slot}.lock"
        lock = FileLock(path, timeout=0)
        with refusing_io(path):
            try:
                lock.acquire()
            except Timeout:
                return None
        return lock

    def is_dead(self, trial: FrozenTrial) -> bool:
        return True  # a live one would hold the lock

    def keep(self, trial_id: int) -> AbstractContextManager[None]:
        return nullcontext()


class BeatLeases:
    """Heartbeats in the storage: each worker counts up an attribute of its trial.

    Whoever waits for a slot watches the counter by its own clock, so the clocks of the machines
    need not agree, and while the storage is down nobody is declared dead.

    Args:
        storage: Of the study.
        interval: Seconds between two beats.
    """

    def __init__(self, storage: BaseStorage, interval: float) -> None:
        self._storage, self._interval = storage, interval
        self._seen: dict[int, tuple[int, int, float]] = {}
        """Trial to its last beat, how often it was found unchanged, and when."""

    def take(self, slot: int) -> Lease | None:
        return _Free()

    def is_dead(self, trial: FrozenTrial) -> bool:
        beat, now = int(trial.user_attrs.get(BEAT, 0)), time.monotonic()
        before, misses, looked = self._seen.get(trial._trial_id, (-1, 0, now))
        if beat != before:
            misses, looked = 0, now
        elif now - looked >= self._interval:
            misses, looked = misses + 1, now
        self._seen[trial._trial_id] = beat, misses, looked
        return misses >= MISSES

    @contextmanager
    def keep(self, trial_id: int) -> Iterator[None]:
        done = threading.Event()
        thread = threading.Thread(target=self._beat, args=(trial_id, done), daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _beat(self, trial_id: int, done: threading.Event) -> None:
        count = 0
        while not done.wait(self._interval):
            count += 1
            try:
                self._storage.set_trial_user_attr(trial_id, BEAT, count)
            except (OptunaError, CcdError):
                return  # buried by another worker, or no storage: the next report says so


class _Free:
    """The lease of a storage that has no locks: the earliest trial of a slot wins instead."""

    def release(self) -> None:
        """Do nothing: no lock is held."""
