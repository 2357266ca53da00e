"""Where the files of studies lie."""

from __future__ import annotations

from pathlib import Path

from ccd.errors import ConfigError
from ccd.files import read_json

STUDY_FILE = "study.json"
JOURNAL_FILE = "journal.log"
"""Where trials are kept in a study's folder, unless the study has another storage."""
CHECKPOINTS_FOLDER = "checkpoints"
"""Where, in a study's folder, trials that run keep their state."""
STUDIES_FOLDER = Path("runs") / "search"


def study_folder(name: str) -> Path:
    """Where a new study's files lie; its journal too, unless it has another storage."""
    return STUDIES_FOLDER / name


def find_folder(word: str) -> Path:
    """The folder of a study that is named by its folder or by its name, whether it exists or not.

    A study keeps its name when its folder is moved, linked to or copied; a name stands for the
    study of ``runs/search``.

    Raises:
        ConfigError: Several folders hold a study of that name, none of them called like it.
    """
    named = study_folder(word)
    for folder in (Path(word), named):
        if is_study(folder):
            return folder
    holding = [folder for folder in study_folders() if name_in(folder) == word]
    if len(holding) > 1:
        raise ConfigError(
            f"several folders hold a study '{word}'", where=holding, hint="name one of the folders"
        )
    return holding[0] if holding else named


def is_study(folder: Path) -> bool:
    """Whether ``ccd search`` wrote the folder."""
    return (folder / STUDY_FILE).is_file()


def study_folders() -> list[Path]:
    """The folders of all studies below ``runs/search``, by name."""
    return sorted(path.parent for path in STUDIES_FOLDER.glob(f"*/{STUDY_FILE}"))


def name_in(folder: Path) -> str:
    """The study's name: what its file says, for the folder may have been moved or linked to."""
    path = folder / STUDY_FILE
    said = read_json(path).get("study") if path.exists() else None
    return str(said or folder.name)
