"""Why trials failed, and when there is no point in going on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from optuna.trial import FrozenTrial, TrialState

from ccd import errors
from ccd.errors import CcdError
from ccd.search.study import FAILED, OUTCOME, REASON, is_live

_ENOUGH = 5
"""So many failures without one success end a study."""


def failures(trials: Iterable[FrozenTrial]) -> list[tuple[str, int]]:
    """The reasons of the trials that failed by themselves, the commonest first."""
    failed = (t for t in trials if t.state == TrialState.FAIL and is_live(t))
    counts = Counter(str(trial.user_attrs.get(REASON, "unknown")) for trial in failed)
    return counts.most_common()


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
    reason, count = failures(failed)[0]
    kind = getattr(errors, reason.partition(":")[0], CcdError)
    raise kind(
        f"all {len(failed)} trials of this study failed, {count} of them so: {reason}\n"
        "  correct the recipe or the space and give the search a new --study"
    )
