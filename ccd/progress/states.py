"""How far a plan has come, and how long it may still take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ccd.runs.records import EpochRecord, Plan, RunResult
from ccd.terminal.console import duration

_RECENT_EPOCHS = 10


@dataclass(frozen=True)
class Remaining:
    """Seconds left: an estimate from runs that ended, or only a bound."""

    seconds: float
    is_bound: bool

    def __str__(self) -> str:
        return f"{'<' if self.is_bound else '~'}{duration(max(self.seconds, 1))}"


@dataclass(eq=False)
class RunState:
    """What is known of one (variant, seed)."""

    variant: str
    seed: int
    status: Literal["waiting", "running", "finished", "skipped"] = "waiting"
    last: EpochRecord | None = None
    valid: dict[str, float] | None = None
    result: RunResult | None = None
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT_EPOCHS))

    @property
    def seconds_per_epoch(self) -> float | None:
        """Mean over the last epochs; None before the first."""
        return sum(self.recent) / len(self.recent) if self.recent else None

    @property
    def speed(self) -> str:
        """``3.2 s/epoch``, or ``240 epochs/min`` where an epoch is short."""
        seconds = self.seconds_per_epoch
        if not seconds:
            return ""
        return f"{seconds:.1f} s/epoch" if seconds >= 1 else f"{60 / seconds:.0f} epochs/min"


class Progress:
    """State of every run of a plan.

    Args:
        plan: What is about to run.
        clock: Seconds that only go forward.
    """

    def __init__(self, plan: Plan, clock: Callable[[], float] = time.monotonic) -> None:
        self.plan = plan
        self.runs = {key: RunState(*key) for key in plan.runs}
        self._clock = clock
        self._start = clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    @property
    def n_over(self) -> int:
        """Runs that are finished or were skipped."""
        return sum(run.status in ("finished", "skipped") for run in self.runs.values())

    @property
    def share(self) -> float:
        """Share of the runs that is over, the running one by its epochs, in [0, 1]."""
        running = sum(
            (run.last.epoch + 1) / run.last.max_epochs
            for run in self.runs.values()
            if run.status == "running" and run.last
        )
        return (self.n_over + running) / max(len(self.runs), 1)

    def epoch(self, record: EpochRecord) -> RunState:
        """Take in one epoch."""
        run = self.runs[(record.variant, record.seed)]
        run.status, run.last = "running", record
        run.valid = record.valid or run.valid
        run.recent.append(sum(record.seconds.values()))
        return run

    def finish(self, result: RunResult, *, skipped: bool) -> RunState:
        """Take in one finished run."""
        run = self.runs[(result.variant, result.seed)]
        run.status, run.result = "skipped" if skipped else "finished", result
        return run

    def remaining(self, run: RunState) -> Remaining | None:
        """Time left of one run; None where nothing is known yet.

        Early stopping ends most runs before the last epoch. Once runs have ended, their mean
        number of epochs is the estimate; before, all that is sure is the bound.
        """
        if run.last is None or run.seconds_per_epoch is None:
            totals = [result.seconds.get("total", 0.0) for result in self._trained(run.variant)]
            return Remaining(sum(totals) / len(totals), False) if totals else None
        ended = [other.result.epochs for other in self.runs.values() if other.result]
        done = run.last.epoch + 1
        bound = run.last.max_epochs - done
        # A run that has outlasted the mean can stop as soon as its patience ends.
        epochs = max(sum(ended) / len(ended) - done, run.last.patience_left) if ended else bound
        return Remaining(min(epochs, bound) * run.seconds_per_epoch, not ended)

    def remaining_overall(self) -> Remaining | None:
        """Time left of the plan; None where nothing is known yet or nothing is left."""
        open_runs = [run for run in self.runs.values() if run.status in ("waiting", "running")]
        running = [run for run in open_runs if run.status == "running"]
        current = running[0] if running else None
        whole_run = None
        if current and current.last and current.seconds_per_epoch:
            whole_run = Remaining(current.last.max_epochs * current.seconds_per_epoch, True)
        parts = [self.remaining(run) or whole_run for run in open_runs]
        known = [part for part in parts if part is not None]
        if not parts or len(known) < len(parts):
            return None
        # Several processes share the work, but a single run is no shorter for that.
        seconds = [part.seconds for part in known]
        shared = max(max(seconds), sum(seconds) / max(len(running), 1))
        return Remaining(shared, any(part.is_bound for part in known))

    def _trained(self, variant: str) -> list[RunResult]:
        """Results of what was trained here and now, of this variant where there are any."""
        trained = [r.result for r in self.runs.values() if r.result and r.status == "finished"]
        return [result for result in trained if result.variant == variant] or trained
