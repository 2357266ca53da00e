"""What became of a run that diverged before its first evaluation, so that no model is left of it.

The record keeps each further process, and each further attempt, from training it to the same end.
"""

from __future__ import annotations

from pathlib import Path

import ccd
from ccd.errors import CcdError, NumericError
from ccd.files import read_json, write_json
from ccd.runs.checkpoints import Kept
from ccd.runs.sealed import sealed, unsealed

DIVERGED_FILE = "diverged.json"


def write_diverged(run: Path, kept: Kept, error: NumericError) -> None:
    """Leave a record of it in a run's own folder; only the holder of the run's lease may do so.

    Args:
        run: The run's own folder.
        kept: What the run is.
        error: What it ended with.

    Raises:
        ResourceError: The record cannot be written.
    """
    write_json(run / DIVERGED_FILE, sealed({**vars(kept), "error": error.to_json()}))


def read_diverged(run: Path, kept: Kept, *, fresh: bool = False) -> NumericError | None:
    """What a run ended with, as whoever trained it was told; None where it is to be trained.

    Nothing is lost with a record, so one that cannot be used, or that another version of ccd wrote,
    counts as none.

    Args:
        run: The run's own folder.
        kept: What the run is.
        fresh: Whether the run starts anew, unless this very command has trained it.
    """
    try:
        record = unsealed(read_json(run / DIVERGED_FILE), run / DIVERGED_FILE, required=True)
    except CcdError:
        return None
    told = record.pop("error")
    found = Kept(**record)
    if not found.may_be_used(kept, fresh=fresh) or found.ccd_version != ccd.__version__:
        return None
    error = CcdError.from_json(told)
    assert isinstance(error, NumericError)
    if found.command != kept.command:
        error.hint = "; ".join(filter(None, (error.hint, "--fresh trains it once more")))
    return error
