"""Progress without a terminal: whole lines for a log, or one JSON object per event."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from rich.console import Console

from ccd.files import json_line
from ccd.progress.states import Progress, RunState
from ccd.runs.records import EpochRecord, Plan, RunResult
from ccd.terminal.console import duration
from ccd.terminal.stdout import say
from ccd.terminal.visible import visible


class PlainProgress:
    """One line per epoch, but not more than one in a few seconds, and one per finished run.

    Args:
        console: Where the lines go.
        every: Least seconds between two lines on epochs.
        clock: Seconds that only go forward.
    """

    def __init__(
        self,
        console: Console,
        *,
        every: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._every = every
        self._clock = clock
        self._last_line = -every
        self._progress: Progress
        self.plan: Plan | None = None

    def started(self, plan: Plan) -> None:
        """Say where the run goes and how much there is to do."""
        self.plan = plan
        self._progress = Progress(plan, self._clock)
        self._print(f"run folder: {plan.out}")
        number = len(plan.runs)
        self._print(f"{plan.recipe} on {plan.dataset}: {number} run{'s'[: number > 1]}")

    def note(self, message: str) -> None:
        """Pass a note on."""
        self._print(f"note: {message}")

    def epoch(self, record: EpochRecord) -> None:
        """One line, if the last one is long enough ago."""
        run = self._progress.epoch(record)
        if self._clock() - self._last_line >= self._every:
            self._last_line = self._clock()
            self._print(self._epoch_line(run, record))

    def finished(self, result: RunResult, *, skipped: bool) -> None:
        """One line per run, always."""
        self._progress.finish(result, skipped=skipped)
        metric = self._progress.plan.metric
        how = "diverged" if result.diverged else "finished"
        seconds = duration(result.seconds.get("total", 0.0))
        ending = f"found {how}" if skipped else f"{how} in {seconds}"
        measured = (
            f"{result.epochs} epochs, {metric} "
            f"valid {result.valid.get(metric, float('nan')):.4f} @{result.best_epoch + 1}, "
            f"test {result.test.get(metric, float('nan')):.4f}"
        )
        self._print(
            f"[{self._progress.n_over}/{len(self._progress.runs)}] {result.variant} "
            f"seed {result.seed}: {ending}, {measured if result.refit is None else result.made}"
        )

    def closed(self) -> None:
        """Do nothing: no display is open."""

    def _epoch_line(self, run: RunState, record: EpochRecord) -> str:
        source = record.source
        losses = " ".join(f"{name} {value:.4f}" for name, value in record.losses.items())
        parts = [
            f"{record.variant} seed {record.seed}: epoch {record.epoch + 1}/{record.max_epochs}",
            losses,
            source.label if source.kind == "pool" else f"negatives: {source.label}",
        ]
        metric = self._progress.plan.metric
        if run.valid and metric in run.valid:
            parts.append(f"{metric} {run.valid[metric]:.4f}")
            if record.best is not None and record.best_epoch is not None:
                parts[-1] += f" (best {record.best:.4f} @{record.best_epoch + 1})"
        parts.append(run.speed)
        left = self._progress.remaining(run)
        parts.append(f"left {left}" if left else "")
        return ", ".join(part for part in parts if part)

    def _print(self, line: str) -> None:
        self._console.print(visible(line), markup=False, highlight=False, soft_wrap=True)


class JsonProgress:
    """One JSON object per event on standard output, and nothing else there."""

    def __init__(self) -> None:
        self.plan: Plan | None = None

    def started(self, plan: Plan) -> None:
        """The plan."""
        self.plan = plan
        self.emit("started", {**asdict(plan), "out": str(plan.out)})

    def note(self, message: str) -> None:
        """A note."""
        self.emit("note", {"message": message})

    def epoch(self, record: EpochRecord) -> None:
        """An epoch, as in ``history.jsonl``."""
        self.emit("epoch", record.to_json())

    def finished(self, result: RunResult, *, skipped: bool) -> None:
        """A result, as in ``results.jsonl``."""
        self.emit("finished", {**result.to_json(), "skipped": skipped})

    def closed(self) -> None:
        """Do nothing yet: ``ccd run`` still emits why it stopped and the report, then ``end``."""

    def end(self) -> None:
        """The last event, where there was a first."""
        if self.plan is not None:
            self.emit("closed", {})

    def emit(self, event: str, content: dict[str, Any]) -> None:
        """Write one event; a closed pipe is no reason to stop training."""
        say(json_line({"event": event, **content}))
