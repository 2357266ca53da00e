"""Files that a person names for output: refused before the work for them is done."""

from __future__ import annotations

from pathlib import Path

from ccd.errors import ConfigError, reading
from ccd.runs.folder import FIGURE_FILE, OWN_FILES, TABLE_FILE, TOP_FILES
from ccd.search.folders import JOURNAL_FILE, STUDY_FILE

_KEPT = {*TOP_FILES, *OWN_FILES, JOURNAL_FILE, STUDY_FILE} - {TABLE_FILE, FIGURE_FILE}
"""What a run folder or a study holds and what cannot be made again from the rest."""


def refuse_target(path: Path) -> None:
    """Refuse a file that cannot be made, or that would take the place of a file ccd relies on.

    Raises:
        ConfigError: It is a folder, its folder is not there, or it is part of a run or a study.
    """
    with reading(path, ConfigError):
        if path.is_dir():
            raise ConfigError(
                "--out must be a file",
                keys=("--out",),
                found=f"the folder {path}",
                hint="name a file, in it or elsewhere",
            )
        if not path.parent.is_dir():
            raise ConfigError(
                f"the folder of --out {path} does not exist",
                keys=("--out",),
                hint=f"make {path.parent}, or name another",
            )
        if path.name in _KEPT and path.exists():
            raise ConfigError(
                "--out would replace a file that a run or a study consists of",
                where=path,
                keys=("--out",),
                hint="choose another name",
            )
