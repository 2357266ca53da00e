"""A study's journal: a file that trials are appended to, and that says when some are missing."""

from __future__ import annotations

import fcntl
import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from ccd.errors import ConfigError, DamagedFileError, reason
from ccd.files import refusing_io, replacing
from ccd.search.samplers import quietly

_HEAD = b'{"op_code":'


@dataclass(frozen=True)
class Journal:
    """An open journal.

    Attributes:
        backend: What Optuna works with.
        file: The file, links followed.
        notes: Sentences about what was lost from it.
    """

    backend: JournalStorage
    file: Path
    notes: tuple[str, ...]


def open_journal(path: Path) -> Journal:
    """Open a journal, and make it where there is none.

    Args:
        path: The file, or a link to it.

    Raises:
        ConfigError: The file is no journal.
        DamagedFileError: It is damaged before its last line.
        ResourceError: It cannot be made or written.
    """
    # Locks and leases lie beside the file itself, so that every link to it leads to the same ones.
    real = Path(os.path.realpath(path))
    with refusing_io(path):
        real.parent.mkdir(parents=True, exist_ok=True)
        _refuse_other_file(path)
        lock = _MendingLock(real)
        notes = lock.look(path)
        try:
            with quietly():
                backend = JournalStorage(_JournalFile(real, lock))
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
            raise _damaged(path, reason(error)) from error
    return Journal(backend, real, notes)


def _damaged(path: Path, why: str) -> DamagedFileError:
    return DamagedFileError(
        f"this journal is damaged before its last line: {why}",
        where=path,
        hint="move it away, with what lies beside it, and search anew",
    )


class _MendingLock(JournalFileOpenLock):
    """The journal's lock: the kernel's, so that it dies with its process; it mends torn tails.

    The lock's file says how long the journal was after the last whole record, and the checksum of
    that, so that records that somebody cut off are missed and what was changed is found.

    Args:
        path: The journal.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        # Not the name that Optuna's own lock has: that one is a link, and other programs make it.
        self._journal, self._path = path, path.with_name(f"{path.name}.flock")
        self._handle = -1
        self._torn = 0

    def acquire(self) -> bool:
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            self._torn = mend(self._journal)
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        return True

    def release(self) -> None:
        os.close(self._handle)

    def record_length(self) -> None:
        """Remember how long the journal is; called when a record was appended."""
        self.acquire()
        try:
            size, (known, checksum) = _size(self._journal), self._known()
            if size < known:
                known, checksum = 0, 0
            checksum = _checksum(self._journal, known, size, checksum)
            os.pwrite(self._handle, f"{size:20} {checksum:08x}\n".encode(), 0)
        finally:
            self.release()

    def _known(self) -> tuple[int, int]:
        """The length and the checksum that were remembered; zeros where none were."""
        words = os.pread(self._handle, 64, 0).split()
        try:
            return int(words[0]), int(words[1], 16)
        except (IndexError, ValueError):
            return 0, 0

    def look(self, shown: Path) -> tuple[str, ...]:
        """Mend the journal; sentences about what it has lost, which call it ``shown``.

        Raises:
            DamagedFileError: It is not what was written.
        """
        self.acquire()
        try:
            known, checksum = self._known()
            missing = known - _size(self._journal)
            is_changed = missing <= 0 and _checksum(self._journal, 0, known) != checksum
        finally:
            self.release()
        if is_changed:
            raise _damaged(shown, "it is not what was written")
        notes = []
        if self._torn:
            notes.append(
                f"{shown}: its last line was torn by a crash ({self._torn} bytes) and is set aside "
                f"in {self._journal.name}.torn"
            )
        if missing > 0:
            notes.append(
                f"{shown} was cut short: its last {missing} bytes are missing, and trials in them "
                "are trained again"
            )
        return tuple(notes)


class _JournalFile(JournalFileBackend):
    """A journal whose disk may be full."""

    def __init__(self, path: Path, lock: _MendingLock) -> None:
        super().__init__(str(path), lock_obj=lock)
        self._path, self._length = path, lock

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        with refusing_io(self._path):
            super().append_logs(logs)
            self._length.record_length()


def mend(journal: Path) -> int:
    """Set a torn last line aside as ``<name>.torn``; asked with the journal's lock in hand.

    Returns:
        How many bytes it has; 0 where the last line is whole.
    """
    size = _size(journal)
    if size == 0:
        return 0
    with journal.open("rb+") as file:
        file.seek(-1, os.SEEK_END)
        start = _last_line(file, size - 1 if file.read(1) == b"\n" else size)
        file.seek(start)
        if _is_record(file.read()):
            return 0
        file.seek(start)
        torn = file.read()
        with replacing(journal.with_name(f"{journal.name}.torn")) as temporary:
            temporary.write_bytes(torn)
        file.truncate(start)
        os.fsync(file.fileno())
    return len(torn)


def _checksum(path: Path, start: int, end: int, before: int = 0) -> int:
    """CRC-32 of some bytes of a file, continued from that of those before them."""
    if start == end:
        return before
    with path.open("rb") as file:
        file.seek(start)
        while start < end and (block := file.read(min(end - start, 1 << 20))):
            before, start = zlib.crc32(block, before), start + len(block)
    return before


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _refuse_other_file(path: Path) -> None:
    """A file that is no journal must not be mended."""
    if not path.exists():
        return
    with path.open("rb") as file:
        head = file.read(len(_HEAD))
    # The first line may be torn too: cut short, or of zeros.
    if head != _HEAD[: len(head)] and head.strip(b"\0\n"):
        raise ConfigError(
            "the file of --storage is no journal of a study",
            where=path,
            keys=("--storage",),
            hint="name another file",
        )


def _last_line(file: Any, end: int) -> int:
    """Where the line begins that ends at byte ``end``."""
    while end > 0:
        begin = max(0, end - 65536)
        file.seek(begin)
        found = file.read(end - begin).rfind(b"\n")
        if found >= 0:
            return int(begin + found + 1)
        end = begin
    return 0


def _is_record(line: bytes) -> bool:
    try:
        return line.endswith(b"\n") and isinstance(json.loads(line), dict)
    except ValueError:
        return False
