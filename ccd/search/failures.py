"""Why trials failed, and when there is no point in going on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from ccd.errors import KINDS, CcdError
from ccd.search.study import FAILED, KIND, OUTCOME, REASON, is_live

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
    failed = [t for t in trials if t.user_attrs.get(OUTCOME) == FAILED]
    if len(failed) < _ENOUGH:
        return
    commonest = failures(failed)[0]
    raise KINDS.get(commonest.kind, CcdError)(
        f"all {len(failed)} trials of this study failed, {commonest.count} of them in one way",
        details=(str(commonest),),
        hint="correct the recipe or the space and give the search a new --study",
    )
