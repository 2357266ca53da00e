"""Finding studies that exist: one by its name or folder, or all there are.

A wrong name is refused before Optuna is imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ccd.errors import CcdError, ConfigError, DamagedFileError
from ccd.files import read_json, refusing_io
from ccd.search.folders import (
    JOURNAL_FILE,
    STUDIES_FOLDER,
    STUDY_FILE,
    find_folder,
    name_in,
    study_folder,
    study_folders,
)
from ccd.suggestions import did_you_mean

if TYPE_CHECKING:
    from ccd.search.order import Order
    from ccd.search.storage import Store
    from ccd.search.study import Study


@dataclass(frozen=True)
class Opened:
    """A study that is ready to be worked on, or looked at."""

    study: Study
    store: Store
    folder: Path
    order: Order

    @property
    def word(self) -> str:
        """What names it on the command line: its name, or its folder where that lies elsewhere."""
        is_home = self.folder == study_folder(self.study.name)
        return self.study.name if is_home else str(self.folder)

    def file(self, name: str) -> Path:
        """Where a file of the study goes; makes the folder of one begun on another machine.

        Raises:
            ResourceError: The folder cannot be made.
        """
        with refusing_io(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / name


@dataclass(frozen=True)
class Listed:
    """A study of which there is at least a trace.

    Attributes:
        name: Its name.
        opened: The study itself; None where it cannot be opened.
        closed_because: Why it cannot be opened, and what to do.
    """

    name: str
    opened: Opened | None
    closed_because: str = ""


def find_study(name: str, storage: str | None) -> Opened:
    """A study that exists.

    Args:
        name: Its name, or its folder.
        storage: Address of the storage, or None for the study's journal file.

    Raises:
        ConfigError: There is none of that name; the message tells of others.
    """
    folder = find_folder(name)
    name = name_in(folder)
    if not _may_exist(storage, folder):
        raise _not_there(name, storage, folder)
    from ccd.search.storage import open_store

    store = open_store(storage, folder)
    opened = _open(name, store, storage, folder)
    if opened is not None:
        return opened
    if storage is None and (folder / STUDY_FILE).exists():
        raise _lost(name, folder, store.notes)
    there = _names_in(store)
    if name in there:
        what = f"study '{name}' in {store.text} does not say what it searches"
        hint = "another program made it, or it is being begun just now: try again"
        raise ConfigError(what, hint=hint)
    hint = did_you_mean(name, there, "studies there", list_all=True)
    raise ConfigError(f"no study '{name}' in {store.text}", hint=hint)


def _not_there(name: str, storage: str | None, folder: Path) -> CcdError:
    """The refusal of a study whose journal does not exist."""
    if storage is None and (folder / STUDY_FILE).exists():
        kept_in = read_json(folder / STUDY_FILE).get("storage")
        if kept_in is None:
            return _lost(name, folder, ())
        what, hint = f"study '{name}' is kept in {kept_in}", "name that with --storage"
        return ConfigError(what, where=folder, keys=("--storage",), hint=hint)
    known = [name_in(each) for each in study_folders()]
    hint = did_you_mean(name, known, "studies here", list_all=True)
    return ConfigError(f"no study '{name}' in {storage or folder.parent}", hint=hint)


def _lost(name: str, folder: Path, notes: Sequence[str]) -> DamagedFileError:
    """The refusal of a study of which only the folder is left."""
    return DamagedFileError(
        f"the journal of study '{name}' is missing, or does not hold it any more",
        where=folder / JOURNAL_FILE,
        details=notes,
        hint="bring the journal back, or search again with the command that began the study: all "
        "its trials are trained anew",
    )


def list_studies(storage: str | None) -> list[Listed]:
    """All studies of a storage or, where None is named, those of ``runs/search``, by name.

    Raises:
        CcdError: The storage cannot be opened.
    """
    if storage is None:
        return [_listed(folder) for folder in study_folders()]
    if not _may_exist(storage, STUDIES_FOLDER):
        return []
    from ccd.search.storage import open_store

    store = open_store(storage, STUDIES_FOLDER)
    found = [_open(name, store, storage, study_folder(name)) for name in _names_in(store)]
    return [Listed(opened.study.name, opened) for opened in found if opened is not None]


def _listed(folder: Path) -> Listed:
    """The study of a folder, whose storage is a journal or one that needs a password."""
    from ccd.search.storage import open_store

    name = folder.name
    try:
        name, kept_in = name_in(folder), read_json(folder / STUDY_FILE).get("storage")
        journals = [folder / JOURNAL_FILE, *([Path(str(kept_in))] if kept_in is not None else [])]
        journal = next((path for path in journals if path.is_file()), None)
        if journal is None and kept_in is None:
            raise _lost(name, folder, ())
        if journal is None:
            return Listed(name, None, f"kept in {kept_in}, which --storage opens")
        storage = None if journal == journals[0] else f"journal:{journal}"
        opened = _open(name, open_store(storage, folder), storage, folder)
    except CcdError as error:
        return Listed(name, None, error.one_line)
    return Listed(name, opened, "" if opened else f"not in {journal} any more")


def _open(name: str, store: Store, storage: str | None, folder: Path) -> Opened | None:
    """The study of that name in an open storage; None where there is none."""
    from ccd.search.order import Order
    from ccd.search.study import SOURCE, Study
    from ccd.search.target import Source

    try:
        study = Study(store.backend, name)
        source = Source.from_json(study.attributes[SOURCE])
    except KeyError:
        return None
    return Opened(study, store, folder, Order(source, name, storage, str(folder)))


def _names_in(store: Store) -> list[str]:
    """Names of all studies of an open storage, other programs' too, sorted."""
    return sorted(study.study_name for study in store.backend.get_all_studies())


def _may_exist(storage: str | None, folder: Path) -> bool:
    """False where looking would only make a new, empty journal."""
    if storage is None:
        return (folder / JOURNAL_FILE).exists()
    return not storage.startswith("journal:") or Path(storage.removeprefix("journal:")).exists()
