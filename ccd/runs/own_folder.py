"""A run's own folder as readers see it: what ``run.json`` says, and the files beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ccd.files import read_json
from ccd.runs.sealed import check_values, refuse_changed, unsealed

RUN_FILE = "run.json"
_MAPPINGS = ("settings", "how_it_ran", "files", "tensors")


def read_about(run: Path) -> dict[str, Any]:
    """What ``run.json`` in a run's own folder says: data, versions, settings, its files' digests.

    Raises:
        DamagedFileError: It is not what ``RunFolder.record_finished`` writes.
        ResourceError: It cannot be read.
    """
    about = unsealed(read_json(run / RUN_FILE), run / RUN_FILE)
    for name in _MAPPINGS:
        about.setdefault(name, {})
    kinds = {**dict.fromkeys(_MAPPINGS, dict[str, str]), "data_dir": str | None}
    check_values(about, kinds, run / RUN_FILE, "move the file away and train this run again")
    return about


def own_file(run: Path, name: str) -> Path:
    """The path of one of the files in a run's own folder, which is as it was written.

    Raises:
        DamagedFileError: It was damaged or changed since, or ``run.json`` was.
        ResourceError: It cannot be read.
    """
    hint = "copy it from where the run was made, or remove it and run again"
    refuse_changed(run / name, read_about(run)["files"], hint)
    return run / name
