"""Where the files of studies lie."""

from __future__ import annotations

from pathlib import Path

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


def study_folders() -> list[Path]:
    """The folders of all studies below ``runs/search``, by name."""
    return sorted(path.parent for path in STUDIES_FOLDER.glob(f"*/{STUDY_FILE}"))


def name_in(folder: Path) -> str:
    """The study's name: what its file says, for the folder may have been moved or linked to."""
    path = folder / STUDY_FILE
    said = read_json(path).get("study") if path.exists() else None
    return str(said or folder.name)
