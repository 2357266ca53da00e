"""What a tracker is: an observer of one variant's runs, built with the variant's settings."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from ccd.runs.records import EpochRecord, Observer, Plan, RunResult, SilentObserver
from ccd.settings import Slot

TrackerFactory = Annotated[Callable[[Mapping[str, str]], Observer], Slot("tracker")]
"""Called with the variant's settings, ``Component.setting`` to its gin text, before training."""

End = Literal["finished", "diverged", "stopped"]


class RunTracker(SilentObserver, ABC):
    """A tracker of a program that knows runs: one (variant, seed) after the other.

    A run that an earlier process finished is not told again. One that is continued is a new run
    there, which begins with the epoch at which it goes on.

    Args:
        settings: The variant's settings.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.settings = settings
        self.plan: Plan
        self._open: tuple[str, int] | None = None

    def started(self, plan: Plan) -> None:
        """Remember what is about to run."""
        self.plan = plan

    def epoch(self, record: EpochRecord) -> None:
        """Pass on what the epoch measured, as ``loss/total`` or ``valid/recall@20``."""
        run = record.variant, record.seed
        self._close_broken(run)
        if self._open is None:
            self.open_run(*run)
            self._open = run
        self.log(record.measures, record.epoch)

    def finished(self, result: RunResult, *, skipped: bool) -> None:
        """Pass on the test metrics, as of the best epoch, and end the run."""
        self._close_broken((result.variant, result.seed))
        if self._open is not None:
            self._open = None
            tested = {k: v for k, v in result.measures.items() if k.startswith("test/")}
            if tested:  # a trial of a search has none
                self.log(tested, result.best_epoch)
            self.close_run("finished" if result.diverged is None else "diverged")

    def _close_broken(self, run: tuple[str, int]) -> None:
        """End the run before ``run``, if it broke before there was a result to tell."""
        if self._open not in (None, run):
            self._open = None
            self.close_run("diverged")

    def closed(self) -> None:
        """End a run that was stopped in its middle."""
        if self._open is not None:
            self._open = None
            self.close_run("stopped")

    @abstractmethod
    def open_run(self, variant: str, seed: int) -> None:
        """Begin a run."""

    @abstractmethod
    def log(self, measures: Mapping[str, float], epoch: int) -> None:
        """Take down what was measured in an epoch."""

    @abstractmethod
    def close_run(self, end: End) -> None:
        """End the run that is open, with all of it written."""


def plain(name: str) -> str:
    """The name of a measure in characters that every program takes: ``recall_at_20``."""
    return re.sub(r"[^\w\-./]", "-", name.replace("@", "_at_"))
