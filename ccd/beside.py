"""Folders that are made beside their place and moved there whole."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ccd.errors import ResourceError
from ccd.files import refusing_io, sync

_MADE, _OLD, _LOCK = ".tmp", ".old.tmp", ".lock"


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``folder``; it takes its place when the block ends well.

    A program that has files of the old folder open keeps reading these.

    Raises:
        ResourceError: The folder cannot be written, or another process wrote it meanwhile; the
            temporary one is removed.
    """

    def exchange(temporary: Path) -> None:
        old = temporary.with_name(temporary.name.removesuffix(_MADE) + _OLD)
        try:
            with suppress(FileNotFoundError):  # there is none, or another process replaces it now
                os.rename(folder, old)
            _take_place(temporary, folder)
            sync(folder.parent)
        finally:
            _settle(old, folder)

    with writing_beside(folder, exchange) as temporary:
        yield temporary


@contextmanager
def writing_beside(folder: Path, move: Callable[[Path], None]) -> Iterator[Path]:
    """Yield an empty folder beside ``folder``; once its files are on the disk, ``move`` it there.

    What a killed process left beside ``folder`` is removed, and the folder is brought back that it
    was about to replace.

    Args:
        folder: The folder that it is for.
        move: Called with the temporary folder when the block ends well; what it leaves is removed.

    Raises:
        ResourceError: The folder cannot be written.
    """
    with refusing_io(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _tidy(folder)
    name = f".{folder.name}.{secrets.token_hex(4)}"
    temporary = folder.parent / f"{name}{_MADE}"
    lock = FileLock(folder.parent / f"{name}{_LOCK}")
    try:
        with refusing_io(folder):
            lock.acquire()
            temporary.mkdir()
        yield temporary
        with refusing_io(folder):
            for path in (*temporary.iterdir(), temporary):
                sync(path)
            move(temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        _forget(lock)


def _tidy(folder: Path) -> None:
    """Remove what processes that are no more left beside ``folder``."""
    pattern = re.compile(rf"\.{re.escape(folder.name)}\.[0-9a-f]{{8}}{re.escape(_LOCK)}")
    for path in folder.parent.iterdir():
        if not pattern.fullmatch(path.name):
            continue
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue  # its process lives
        name = path.name.removesuffix(_LOCK)
        _settle(path.with_name(name + _OLD), folder)
        shutil.rmtree(path.with_name(name + _MADE), ignore_errors=True)
        _forget(lock)


def _take_place(temporary: Path, folder: Path) -> None:
    try:
        os.rename(temporary, folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        raise ResourceError(
            "another process wrote this folder meanwhile, and its result is kept",
            where=folder,
            hint="run the command again to replace it",
        ) from error


def _settle(old: Path, folder: Path) -> None:
    """Bring back the folder that was to be replaced, or remove it where another took its place."""
    if not os.path.lexists(folder):
        with suppress(FileNotFoundError):
            os.rename(old, folder)
    elif old.is_symlink():
        old.unlink()
    else:
        shutil.rmtree(old, ignore_errors=True)


def _forget(lock: FileLock) -> None:
    """Give a lock back, and remove its file."""
    with suppress(OSError):
        os.unlink(lock.lock_file)
    lock.release()
