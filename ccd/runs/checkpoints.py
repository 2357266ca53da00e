"""The checkpoint of a run: when it is written, whether it may be gone on from, when it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import ccd
from ccd.errors import DamagedFileError, ResourceError
from ccd.state import State

if TYPE_CHECKING:
    from ccd.training.checkpoint import Checkpoint

CHECKPOINT_FILE = "checkpoint.safetensors"


@dataclass(frozen=True)
class Kept:
    """What the header of a checkpoint says.

    Attributes:
        variant: Name of the run's variant.
        seed: Its seed.
        settings: ``Settings.identity`` of the variant.
        fingerprint: Of the data set.
        epochs: Number of epochs trained.
        ccd_version: Of the ccd that wrote it.
        mb: Size of the file in MB, as it is read.
        command: Id of the command that trained it (``ccd.runs.command``); empty for a trial.
    """

    variant: str
    seed: int
    settings: dict[str, str]
    fingerprint: str
    epochs: int = 0
    ccd_version: str = ccd.__version__
    mb: float = 0.0
    command: str = ""

    def is_of(self, other: Kept) -> bool:
        """Whether both are of one run."""
        names = ("variant", "seed", "settings", "fingerprint")
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def may_be_used(self, run: Kept, *, fresh: bool) -> bool:
        """Whether this is of ``run`` and, where that starts anew, of the same command."""
        return self.is_of(run) and not (fresh and self.command != run.command)


def read_kept(path: Path) -> Kept | None:
    """What a checkpoint is of; None where there is no file that can be used."""
    from ccd.runs.checkpoint_file import read_about_state

    try:
        if not path.exists():
            return None
        return Kept(**read_about_state(path), mb=path.stat().st_size / 1e6)
    except (DamagedFileError, TypeError, FileNotFoundError):  # its run may end at this moment
        return None


def _begins(history: list[int], epochs: int) -> bool:
    """Whether the first ``epochs`` are on record, each once and in order."""
    return [epoch for epoch in history if epoch in range(epochs)] == list(range(epochs))


class RunCheckpoint:
    """The checkpoint of one run that is trained now.

    Args:
        path: Its file.
        run: What it is of.
        settings: How often it is written; None for never.
    """

    def __init__(self, path: Path, run: Kept, settings: Checkpoint | None) -> None:
        self.path, self._run, self._settings = path, run, settings
        self._last = time.monotonic()
        self.state: State | None = None
        """What to go on from, once ``read`` has found it."""
        self.epochs = 0
        """Number of epochs trained when it was taken; 0 without one."""
        self.note: str | None = None
        """What there is to say of going on, or of not going on."""
        self.size = 0
        """Bytes of the largest that was written."""

    def read(self, history: Callable[[], list[int]] | None = None, *, fresh: bool = False) -> None:
        """Look for a state to go on from.

        Args:
            history: Gives the epochs of the run that are on record; without those that the state
                has behind it, the run starts again. None for a run that keeps no record.
            fresh: Whether what an earlier command left counts as nothing.
        """
        from ccd.runs.checkpoint_file import read_state

        name = f"{self._run.variant} seed {self._run.seed}"
        if not self.path.exists():
            return
        kept = read_kept(self.path)
        if fresh and (kept is None or kept.command != self._run.command):
            return
        why = f"{self.path} is no checkpoint of it"
        if kept is not None and kept.is_of(self._run):
            try:
                if history is None or _begins(history(), kept.epochs):
                    self.state, self.epochs = read_state(self.path), kept.epochs
                    self.note = f"{name}: goes on after epoch {kept.epochs}"
                    return
                why = f"epochs before epoch {kept.epochs} are not on record"
            except DamagedFileError as error:
                why = error.one_line
        self.note = f"{name}: starts again, for {why}"

    def take(self) -> State | None:
        """The state to go on from, which is then let go of."""
        state, self.state = self.state, None
        return state

    def is_due(self) -> bool:
        """Whether it is time for another one."""
        settings = self._settings
        return settings is not None and time.monotonic() - self._last >= settings.every_seconds

    def write(self, state: Callable[[], State], epochs: int) -> str | None:
        """Replace the file.

        Args:
            state: Gives what is to be kept.
            epochs: Number of epochs trained.

        Returns:
            Why the file could not be written, or None. Training can go on all the same, and the
            one before is still there.
        """
        from ccd.runs.checkpoint_file import write_state

        if self._settings is None:
            return None
        about = {**vars(self._run), "epochs": epochs}
        del about["mb"]
        try:
            self.size = max(self.size, write_state(self.path, state(), about))
        except ResourceError as error:
            return f"no checkpoint after epoch {epochs}: {error.one_line}"
        finally:
            self._last = time.monotonic()
        self.epochs = epochs
        return None

    def remove(self) -> None:
        """The run has ended: remove the file, unless it is to be left there."""
        if self._settings is None or not self._settings.keep:
            self.path.unlink(missing_ok=True)
