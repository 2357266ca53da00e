"""Progress on a terminal, redrawn in place."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live

from ccd.progress.states import Progress
from ccd.progress.view import ProgressView
from ccd.runs.records import EpochRecord, Plan, RunResult
from ccd.terminal.visible import visible


class LiveProgress:
    """Rows per (variant, seed), then losses of the one that runs, then the whole.

    Args:
        console: A terminal.
        clock: Seconds that only go forward.
    """

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._live: Live | None = None
        self._progress: Progress
        self.plan: Plan | None = None

    def started(self, plan: Plan) -> None:
        """Say where the run goes and open the display."""
        self.plan = plan
        self._progress = Progress(plan, self._clock)
        self._say(f"run folder: {plan.out}")
        view = ProgressView(self._progress)
        self._live = Live(view, console=self._console, refresh_per_second=2)
        self._live.start()

    def note(self, message: str) -> None:
        """Print a note above the display, where it stays."""
        self._say(f"note: {message}")

    def epoch(self, record: EpochRecord) -> None:
        """Take in one epoch; the display is redrawn on its own beat."""
        self._progress.epoch(record)

    def finished(self, result: RunResult, *, skipped: bool) -> None:
        """Take in one finished run."""
        self._progress.finish(result, skipped=skipped)

    def closed(self) -> None:
        """Draw the last state and leave it on the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _say(self, message: str) -> None:
        self._console.print(visible(message), markup=False, highlight=False, soft_wrap=True)
