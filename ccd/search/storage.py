"""Where a study is kept: a journal file, Redis, or a database such as PostgreSQL."""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, get_storage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock, JournalRedisBackend

from ccd.errors import ConfigError, DamagedFileError, ResourceError, reason
from ccd.files import refusing_io, replacing
from ccd.search.folders import JOURNAL_FILE
from ccd.search.samplers import quietly

_HEAD = b'{"op_code":'
PATIENCE = 300.0
"""Seconds for which a worker waits for a database that is down."""
_LOOKS = 5
"""Looks at a database whose tables another process makes; its steps are three."""


class StorageLostError(ResourceError):
    """A database that was there does not come back."""


@dataclass(frozen=True)
class Store:
    """An open storage.

    Attributes:
        backend: What Optuna works with.
        text: The address without its password.
        journal: The journal file, links followed, or None.
        is_shared: Whether several processes may write.
    """

    backend: BaseStorage
    text: str
    journal: Path | None = None
    is_shared: bool = True

    @property
    def address(self) -> str:
        """What ``--storage`` takes, without the password."""
        return f"journal:{self.text}" if self.journal is not None else self.text


def open_store(url: str | None, folder: Path) -> Store:
    """Open, and where it is new create, the storage.

    Args:
        url: ``postgresql://...``, ``mysql://...``, ``sqlite:///FILE``, ``redis://...``,
            ``journal:FILE``, or None for a journal in ``folder``.
        folder: The study's folder.

    Raises:
        ConfigError: The address is of no known kind.
        ResourceError: The storage or its Python driver is not there.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if url is None or url.startswith("journal:"):
        path = folder / JOURNAL_FILE if url is None else Path(url.removeprefix("journal:"))
        return _journal(path)
    kind = url.partition(":")[0].partition("+")[0]
    text = re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url)
    text = re.sub(r"(password=)[^&]*", r"\1***", text)
    if kind in ("redis", "rediss"):
        return Store(_redis(url, text), text)
    if kind not in ("postgresql", "postgres", "mysql", "mariadb", "sqlite"):
        raise ConfigError(
            "--storage must be the address of a storage",
            keys=("--storage",),
            found=f"'{text}'",
            hint="write postgresql://USER:PASSWORD@HOST/DATABASE, redis://HOST, sqlite:///FILE, "
            "journal:FILE, or nothing for a journal file",
        )
    # Without a driver's name, SQLAlchemy would look for the one before psycopg.
    driver = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)
    return Store(_database(driver, text), text, is_shared=kind != "sqlite")


class _MendingLock(JournalFileOpenLock):
    """The journal's lock: the kernel's, so that it dies with its process; it mends torn tails.

    Args:
        path: The journal.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        # Not the name that Optuna's own lock has: that one is a link, and other programs make it.
        self._journal, self._path = path, path.with_name(f"{path.name}.flock")
        self._handle = -1

    def acquire(self) -> bool:
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            mend(self._journal)
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        return True

    def release(self) -> None:
        os.close(self._handle)


class _JournalFile(JournalFileBackend):
    """A journal whose disk may be full."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        with refusing_io(Path(self._file_path)):
            super().append_logs(logs)


def mend(journal: Path) -> bool:
    """Set a torn last line aside as ``<name>.torn``; asked with the journal's lock in hand.

    Returns:
        Whether there was one.
    """
    size = journal.stat().st_size if journal.exists() else 0
    if size == 0:
        return False
    with journal.open("rb+") as file:
        file.seek(-1, os.SEEK_END)
        start = _last_line(file, size - 1 if file.read(1) == b"\n" else size)
        file.seek(start)
        if _is_record(file.read()):
            return False
        file.seek(start)
        torn = file.read()
        with replacing(journal.with_name(f"{journal.name}.torn")) as temporary:
            temporary.write_bytes(torn)
        file.truncate(start)
        os.fsync(file.fileno())
    return True


def _journal(path: Path) -> Store:
    # Locks and leases lie beside the file itself, so that every link to it leads to the same ones.
    real = Path(os.path.realpath(path))
    with refusing_io(path):
        real.parent.mkdir(parents=True, exist_ok=True)
        _refuse_other_file(path)
        lock = _MendingLock(real)
        lock.acquire()
        lock.release()
        try:
            with quietly():
                backend = JournalStorage(_JournalFile(str(real), lock_obj=lock))
                return Store(backend, str(path), journal=real)
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
            raise DamagedFileError(
                f"this journal is damaged before its last line: {reason(error)}",
                where=path,
                hint="move it away, with what lies beside it, and search anew",
            ) from error


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


def _redis(url: str, text: str) -> JournalStorage:
    try:
        with quietly():
            return JournalStorage(JournalRedisBackend(url, use_cluster=False, prefix="ccd"))
    except ImportError as error:
        what = f"--storage {text} needs the Python package redis"
        hint = "pip install 'ccdrec[redis]'"
        raise ResourceError(what, keys=("--storage",), hint=hint) from error
    except OSError as error:
        raise _unreachable(text, error) from error
    except Exception as error:  # redis has exceptions of its own, and may not be installed
        if type(error).__module__.partition(".")[0] != "redis":
            raise
        raise _unreachable(text, error) from error


def _database(url: str, text: str) -> BaseStorage:
    from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

    try:
        return _patiently(_tables(url))
    except (ImportError, NoSuchModuleError) as error:
        raise ResourceError(
            f"--storage {text} needs a driver that is not installed: {reason(error)}",
            keys=("--storage",),
            hint="for PostgreSQL: pip install 'ccdrec[postgres]'",
        ) from error
    except (SQLAlchemyError, StorageInternalError) as error:
        raise _unreachable(text, error) from error
    except RuntimeError as error:  # how Optuna says that the tables are another release's
        raise ResourceError(
            f"--storage {text} was made by another release of Optuna: {reason(error)}",
            keys=("--storage",),
            hint="run 'optuna storage upgrade --storage URL', or use a new database",
        ) from error


def _tables(url: str) -> RDBStorage:
    """Optuna's tables, made where the database has none.

    Of several processes that find it empty at the same moment only one makes them; the database
    refuses the others, which look again and find what the first one made.
    """
    from sqlalchemy.exc import IntegrityError, ProgrammingError

    options: dict[str, Any] = {} if url.startswith("sqlite") else {"pool_pre_ping": True}
    for _ in range(_LOOKS):
        try:
            return RDBStorage(url, engine_kwargs=options)
        except (IntegrityError, ProgrammingError):  # a type or a row, or a table, that is there now
            time.sleep(0.1)
    return RDBStorage(url, engine_kwargs=options)


def _unreachable(text: str, error: Exception) -> ResourceError:
    return ResourceError(
        f"--storage {text} cannot be used: {reason(getattr(error, 'orig', None) or error)}",
        keys=("--storage",),
        hint="check that the server runs, and host, user, password and database",
    )


def _patiently(storage: RDBStorage) -> BaseStorage:
    """Optuna's cached view of a database, whose every operation waits for a server's restart."""
    plain = type(get_storage(storage))
    names = [name for name in dir(BaseStorage) if not name.startswith("_")]
    return type("PatientStorage", (plain,), {n: _patient(getattr(plain, n)) for n in names})(
        storage
    )


def _patient(method: Callable[..., Any]) -> Callable[..., Any]:
    from sqlalchemy.exc import InterfaceError, OperationalError, PendingRollbackError

    # The last is what a transaction meets that the server's end interrupted; Optuna rolls it back.
    outages = (OperationalError, InterfaceError, PendingRollbackError)

    @wraps(method)
    def insist(*args: Any, **keywords: Any) -> Any:
        give_up, pause = time.monotonic() + PATIENCE, 0.1
        while True:
            try:
                return method(*args, **keywords)
            except (StorageInternalError, *outages) as error:
                cause = error.__cause__ if isinstance(error, StorageInternalError) else error
                if not isinstance(cause, outages):
                    raise
                if time.monotonic() > give_up:
                    why = reason(getattr(cause, "orig", cause))
                    raise StorageLostError(
                        f"the storage has been out of reach for {PATIENCE:.0f} s: {why}",
                        keys=("--storage",),
                        hint="start the server and resume the study: finished trials are kept",
                    ) from error
                time.sleep(pause)
                pause = min(2 * pause, 5.0)

    return insist


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
