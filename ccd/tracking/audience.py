"""All that are told how a run goes: who shows it, and the trackers of each variant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ccd.errors import reason
from ccd.runs.records import EpochRecord, Observer, Plan, RunResult


class Audience:
    """Tells one observer everything, and each variant's trackers what concerns the variant.

    A tracker that fails, as one does whose server is gone, is told nothing more, and a note says
    so: it must not end a training of hours.

    Args:
        shown: Who shows the runs.
        trackers: The trackers of each variant.
    """

    def __init__(self, shown: Observer, trackers: Mapping[str, Sequence[Observer]]) -> None:
        self._shown = shown
        self._trackers = {variant: list(own) for variant, own in trackers.items()}

    def started(self, plan: Plan) -> None:
        """Called once, before anything is trained."""
        self._shown.started(plan)
        self._tell_all(lambda tracker: tracker.started(plan))

    def note(self, message: str) -> None:
        """Pass a note on."""
        self._shown.note(message)
        self._tell_all(lambda tracker: tracker.note(message))

    def epoch(self, record: EpochRecord) -> None:
        """Pass an epoch on."""
        self._shown.epoch(record)
        self._tell(record.variant, lambda tracker: tracker.epoch(record))

    def finished(self, result: RunResult, *, skipped: bool) -> None:
        """Pass a result on."""
        self._shown.finished(result, skipped=skipped)
        self._tell(result.variant, lambda tracker: tracker.finished(result, skipped=skipped))

    def closed(self) -> None:
        """Called once at the end, also after an error or Ctrl-C."""
        self._tell_all(lambda tracker: tracker.closed())
        self._shown.closed()

    def _tell_all(self, tell: Callable[[Observer], None]) -> None:
        for variant in self._trackers:
            self._tell(variant, tell)

    def _tell(self, variant: str, tell: Callable[[Observer], None]) -> None:
        own = self._trackers.get(variant, [])
        for tracker in [*own]:
            try:
                tell(tracker)
            except Exception as error:
                own.remove(tracker)
                self._shown.note(
                    f"{type(tracker).__name__} failed and is told nothing more of '{variant}': "
                    f"{reason(error)}"
                )
