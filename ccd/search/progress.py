"""How far a trial has come, so that the next one of its slot need not begin again."""

from __future__ import annotations

import time
from pathlib import Path

from optuna.trial import Trial

from ccd.runs.checkpoints import Kept, RunCheckpoint
from ccd.state import State
from ccd.training.checkpoint import Checkpoint
from ccd.training.trainer import Training


class TrialProgress:
    """What a trial has reached, or one before it that had the same setting and was cut short.

    Args:
        path: Where it is kept.
        trial: What the trial is of.
        settings: How often it is kept; None for never.

    Attributes:
        scores: Metric of each seed that is done.
        best: The best epoch of each.
        reports: Step and value of each report so far.
    """

    def __init__(self, path: Path, trial: Kept, settings: Checkpoint | None) -> None:
        self._file = RunCheckpoint(path, trial, settings)
        self._file.read()
        state = self._file.take() or {"scores": [], "best": [], "reports": [], "seconds": 0.0}
        self.scores: list[float] = state["scores"]
        self.best: list[int] = state["best"]
        self.reports: list[tuple[int, float]] = state["reports"]
        self._training: State | None = state.get("training")
        self._began = time.perf_counter() - state["seconds"]

    @property
    def seconds(self) -> float:
        """Wall seconds spent."""
        return time.perf_counter() - self._began

    def report(self, trial: Trial, step: int, value: float) -> None:
        """Tell Optuna what was reached."""
        self.reports.append((step, value))
        trial.report(value, step=step)

    def take_up(self, training: Training) -> None:
        """Go on with the seed that was being trained."""
        state, self._training = self._training, None
        if state is not None:
            training.load_state(state)

    def keep(self, training: Training, *, now: bool) -> None:
        """Keep it, ``now`` or where it is time to."""
        if now or self._file.is_due():
            self._file.write(lambda: self._state(training), training.n_epochs)

    def _state(self, training: Training) -> State:
        return {
            "scores": self.scores,
            "best": self.best,
            "reports": self.reports,
            "seconds": self.seconds,
            "training": training.state(),
        }
