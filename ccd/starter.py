"""The project that ``ccd init`` lays."""

from __future__ import annotations

import os
from pathlib import Path

from ccd.beside import writing_beside
from ccd.config.files import ccd_root
from ccd.errors import ConfigError, ResourceError, reading


def lay_starter(folder: Path) -> list[str]:
    """Write the files of a starter project to a folder, all or none; their names.

    Args:
        folder: A folder that is new or empty.

    Raises:
        ConfigError: The folder holds something, or is a file.
        ResourceError: It cannot be written.
    """
    with reading(folder, ResourceError):
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise ConfigError(
                "a project is laid into a new or empty folder",
                where=folder,
                found="a folder that holds files" if folder.is_dir() else "a file",
                hint="name another folder",
            )
    source = ccd_root() / "starter"
    names = sorted(path.name for path in source.iterdir() if path.is_file())
    with writing_beside(folder.resolve(), lambda made: _move(made, folder)) as temporary:
        for name in names:
            (temporary / name).write_bytes((source / name).read_bytes())
    return names


def _move(made: Path, folder: Path) -> None:
    """Move the files into a folder that is there, which may be a shell's current one."""
    if not folder.exists():
        os.rename(made, folder)
        return
    moved: list[Path] = []
    try:
        for path in sorted(made.iterdir()):
            moved.append(folder / path.name)
            os.replace(path, moved[-1])
    except BaseException:  # all of it or nothing
        for path in moved:
            path.unlink(missing_ok=True)
        raise
