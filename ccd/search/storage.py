"""Where a study is kept: a journal file, Redis, or a database such as PostgreSQL."""

from __future__ import annotations

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
from optuna.storages.journal import JournalRedisBackend

from ccd.errors import ConfigError, ResourceError, reason
from ccd.search.folders import JOURNAL_FILE
from ccd.search.journal import open_journal
from ccd.search.samplers import quietly

PATIENCE = 300.0
"""Seconds for which a worker waits for a database that is down."""
_LOOKS = 20
"""Looks at a database whose tables another process makes, a tenth of a second each."""


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
        notes: Sentences about what was lost from it.
    """

    backend: BaseStorage
    text: str
    journal: Path | None = None
    is_shared: bool = True
    notes: tuple[str, ...] = ()

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
        opened = open_journal(path)
        return Store(opened.backend, str(path), journal=opened.file, notes=opened.notes)
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
    from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

    is_file = url.startswith("sqlite")
    options: dict[str, Any] = {} if is_file else {"pool_pre_ping": True}
    for _ in range(_LOOKS):
        try:
            return RDBStorage(url, engine_kwargs=options)
        except (IntegrityError, ProgrammingError):  # a type or a row, or a table, that is there now
            time.sleep(0.1)
        except OperationalError as error:  # how SQLite says the same, and others say: no server
            if not is_file or "unable to open" in str(error):
                raise
            time.sleep(0.1)
    return RDBStorage(url, engine_kwargs=options)


def _unreachable(text: str, error: Exception) -> ResourceError:
    return ResourceError(
        f"--storage {text} cannot be used: {reason(getattr(error, 'orig', None) or error)}",
        keys=("--storage",),
        hint="check that its folder exists and can be written"
        if text.startswith("sqlite")
        else "check that the server runs, and host, user, password and database",
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
