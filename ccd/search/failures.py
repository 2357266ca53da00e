"""Why trials failed, and when there is no point in going on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from ccd.errors import KINDS, CcdError
from ccd.search.study import FAILED, KIND, OUTCOME, REASON, Study, is_live

_ENOUGH = 5
"""So many failures without one success end a study."""


@dataclass(frozen=True)
class Failure:
    """Why trials failed.

    Attributes:
        kind: Name of the exception's class.
        reason: What it said, in one line.
        count: How many trials failed so.
    """

    kind: str
    reason: str
    count: int

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


def failures(trials: Iterable[FrozenTrial]) -> list[Failure]:
    """Why the trials failed that failed by themselves, the commonest first."""
    failed = (t.user_attrs for t in trials if t.state == TrialState.FAIL and is_live(t))
    counts = Counter((str(said.get(KIND, "")), str(said.get(REASON, ""))) for said in failed)
    return [Failure(kind, reason, count) for (kind, reason), count in counts.most_common()]


def refuse_hopeless(trials: list[FrozenTrial]) -> None:
    """Refuse to go on where all trials so far failed.

    Raises:
        CcdError: Of the class of the commonest failure.
    """
    if any(t.state in (TrialState.COMPLETE, TrialState.PRUNED) for t in trials):
        return
    if sum(t.user_attrs.get(OUTCOME) == FAILED for t in trials) >= _ENOUGH:
        raise _no_value(trials)


def refuse_fruitless(study: Study) -> None:
    """Refuse to call a study successful that has ended without one complete trial.

    Raises:
        CcdError: It has ended so; of the class of the commonest failure.
    """
    trials = study.trials()
    if study.is_over and all(trial.state != TrialState.COMPLETE for trial in trials):
        raise _no_value(trials)


def _no_value(trials: list[FrozenTrial]) -> CcdError:
    found = failures(trials)
    failed = sum(failure.count for failure in found)
    if not found:
        return CcdError(
            "no trial of this study is complete",
            hint="lower what ends trials early (Search.pruner), or raise --trials",
        )
    most, pruned = found[0], sum(trial.state == TrialState.PRUNED for trial in trials)
    what = f"no trial of this study is complete: {pruned} were pruned, {failed} failed"
    what = what if pruned else f"all {failed} trials of this study failed"
    return KINDS.get(most.kind, CcdError)(
        f"{what}, {most.count} of them in one way",
        details=(str(most),),
        hint="correct the recipe or the space and give the search a new --study",
    )
