"""What in a folder is ccd's own: nothing else in it is ever overwritten or removed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from ccd.errors import ConfigError
from ccd.runs.lock import LEASES_FOLDER, LOCK_FILE, Lease
from ccd.runs.manifest import MANIFEST_FILE, read_manifest

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.[0-9a-f]+\.tmp")
"""How ``ccd.files.replacing`` names the file that is to become ``name``."""


def refuse_foreign(path: Path) -> None:
    """Refuse a place for a run folder where something other than a run folder is.

    Raises:
        ConfigError: It is a file, or a folder that holds other things and no manifest of ccd.
        DamagedFileError: Its manifest is not JSON, or not what was written.
    """
    if path.exists() and not path.is_dir():
        raise ConfigError(
            "--out must be a folder",
            keys=("--out",),
            found=f"the file {path}",
            hint="name a run folder, or one that is new or empty",
        )
    if not path.is_dir():
        return
    # Listed before the manifest is looked for, which another process may be writing just now.
    entries = sorted(path.iterdir())
    if read_manifest(path):
        return
    if path / MANIFEST_FILE in entries:
        _refuse(path, f"{MANIFEST_FILE} of another program")
    # A crash before the first manifest leaves only these.
    begun = (LOCK_FILE, LEASES_FOLDER, MANIFEST_FILE)
    for entry in entries:
        if entry.name not in begun and not is_leftover(entry.name, begun):
            _refuse(path, f"{entry.name} but no {MANIFEST_FILE}")


def leftovers(folder: Path, names: Collection[str]) -> Iterator[Path]:
    """Temporary files that a crash left in a folder while it wrote one of the files ``names``."""
    return (entry for entry in folder.iterdir() if is_leftover(entry.name, names))


def remove_leftovers(folder: Path, top: Collection[str], own: Collection[str]) -> None:
    """Remove what a crash left half written, in a run folder and in the runs' own.

    Only the holder of the folder's lock may call this. What is in the folder of a run that a live
    process trains is left to that process.

    Args:
        folder: The run folder.
        top: Names of the files in it.
        own: Names of the files in a run's own folder.
    """
    for path in leftovers(folder, top):
        path.unlink()
    for run, path in list(_of_runs(folder, own)):
        lease = Lease(folder, run)
        if lease.take():
            path.unlink(missing_ok=True)  # it may just have ended well
            lease.release()


def _of_runs(folder: Path, own: Collection[str]) -> Iterator[tuple[str, Path]]:
    """What a crash left half written of single runs, each with the name of the run's own folder."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            yield from ((entry.name, path) for path in leftovers(entry, own))
    for path in (folder / LEASES_FOLDER).glob("*.tmp"):
        if (found := _TEMPORARY.fullmatch(path.name)) is not None:
            yield found["name"].removesuffix(".json"), path


def is_leftover(file: str, names: Collection[str]) -> bool:
    """Whether a file's name is that of a temporary file which was to become one of ``names``."""
    found = _TEMPORARY.fullmatch(file)
    return found is not None and found["name"] in names


def _refuse(path: Path, what: str) -> None:
    raise ConfigError(
        f"--out holds {what}, so it is not a run folder",
        where=path,
        keys=("--out",),
        hint="name a folder that is new or empty",
    )
