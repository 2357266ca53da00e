"""Who writes into a run folder: one process at a time changes its files, one trains each run.

Both are locks of the operating system, which a process that dies lets go of, whatever way it died.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ccd.errors import CcdError, LockedError
from ccd.files import read_json, refusing_io, write_json

LOCK_FILE = ".lock"
LEASES_FOLDER = ".leases"
_PATIENCE = 60.0
"""Seconds; a change of a folder's files takes less than one."""


def holder_of(pid: int) -> str:
    """How a process of this machine is called where it holds something."""
    return f"process {pid} on {platform.node()}"


class FolderLock:
    """The right to change the files of a run folder, for as long as that takes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / LOCK_FILE)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it while the block lasts; blocks may lie within one another.

        Raises:
            LockedError: Another process has held it for a minute.
        """
        with refusing_io(self._folder / LOCK_FILE):
            try:
                self._lock.acquire(timeout=_PATIENCE)
            except Timeout as error:
                raise LockedError(
                    f"another process has been changing this run folder for {_PATIENCE:.0f} s",
                    where=self._folder,
                    keys=("--out",),
                    hint="look whether one hangs, or choose another --out",
                ) from error
        try:
            yield
        finally:
            self._lock.release()


class Lease:
    """The right to train one run of a folder.

    Args:
        folder: The run folder.
        name: Of the run's own folder.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._about = folder / LEASES_FOLDER / f"{name}.json"
        # Not the file that says who holds it: whoever tries for a lock empties its file.
        self._path = folder / LEASES_FOLDER / f"{name}.lock"
        self._lock = FileLock(self._path)

    def take(self) -> bool:
        """Take it; False where a live process has it."""
        with refusing_io(self._path):
            self._path.parent.mkdir(exist_ok=True)
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                return False
        return True

    def release(self) -> None:
        """Let go of it."""
        self._about.unlink(missing_ok=True)
        self._lock.release()

    def tell(self, about: dict[str, Any] | None = None) -> None:
        """Say who has it, and what is trained under it where that is known."""
        write_json(self._about, {"holder": holder_of(os.getpid()), "about": about})

    def holder(self) -> str:
        """Who has it, in words."""
        return str(self._told().get("holder", "another process"))

    def about(self) -> dict[str, Any] | None:
        """What a live process trains under it; None where none does, or has not said so yet."""
        if not self._about.exists() or self.take():
            if self._lock.is_locked:
                self._lock.release()
            return None
        return self._told().get("about")

    def _told(self) -> dict[str, Any]:
        try:
            return read_json(self._about)
        except CcdError:  # it has just been let go of
            return {}


def leases(folder: Path) -> list[Lease]:
    """Those under which something may be trained."""
    found = sorted((folder / LEASES_FOLDER).glob("*.json"))
    return [Lease(folder, path.stem) for path in found]
