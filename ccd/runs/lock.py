"""One process at a time writes into a run folder."""

from __future__ import annotations

import os
import platform
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from ccd.errors import DamagedFileError, LockedError
from ccd.files import read_json, refusing_io, write_json

LOCK_FILE = ".lock"
HOLDER_FILE = ".holder.json"


class FolderLock:
    """Lock of a run folder; a process that dies lets go of it, whatever way it died.

    The lock is the operating system's (``.lock``); who holds it is told in ``.holder.json``, since
    whoever tries for the lock empties the lock file itself.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._holder = folder / HOLDER_FILE
        self._lock = FileLock(folder / LOCK_FILE, timeout=0)

    def acquire(self) -> str | None:
        """Take the lock.

        Returns:
            A sentence about a dead holder whose lock was taken over, or None.

        Raises:
            LockedError: A live process holds it.
        """
        with refusing_io(self._folder / LOCK_FILE):
            try:
                self._lock.acquire()
            except Timeout as error:
                raise LockedError(
                    f"this run folder is in use by {self._describe_holder()}",
                    where=self._folder,
                    keys=("--out",),
                    hint="wait for it, stop it, or choose another --out",
                ) from error
        note = None
        if self._holder.exists():
            note = f"took over the run folder from {self._describe_holder()}, which is gone"
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        write_json(self._holder, {"pid": os.getpid(), "host": platform.node(), "started": now})
        return note

    def release(self) -> None:
        """Let go of the lock."""
        self._holder.unlink(missing_ok=True)
        self._lock.release()

    def _describe_holder(self) -> str:
        try:
            holder = read_json(self._holder)
        except (OSError, DamagedFileError):
            return "another process"
        return (
            f"process {holder.get('pid')} on {holder.get('host')}, started {holder.get('started')}"
        )
