"""The project that ``ccd init`` lays."""

from __future__ import annotations

from pathlib import Path

from ccd.config.files import ccd_root
from ccd.errors import ConfigError, ResourceError, reading
from ccd.files import replacing_folder


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
    # Resolved, as a folder that is named '.' has no name of its own to be replaced by.
    with replacing_folder(folder.resolve()) as temporary:
        names = sorted(path.name for path in (ccd_root() / "starter").iterdir() if path.is_file())
        for name in names:
            (temporary / name).write_bytes((ccd_root() / "starter" / name).read_bytes())
    return names
