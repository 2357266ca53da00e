"""How a study stands and what it found: counts, best trials, importances, time left."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from ccd.search.failures import Failure, failures
from ccd.search.samplers import quietly
from ccd.search.study import (
    BINDINGS,
    BUDGET,
    DUPLICATE,
    KIND,
    LOST,
    METRIC,
    OUTCOME,
    REASON,
    SECONDS,
    SLOT,
    Study,
    is_live,
)

_FEWEST = 3
"""Complete trials that are too few to say what mattered; as few as the settings are too."""


@dataclass(frozen=True)
class Summary:
    """How a study stands.

    Attributes:
        study: Its name.
        metric: The validation metric, or None before the first worker has loaded the data.
        budget: Total number of trials.
        settled: Trials of the budget that need no more work.
        complete: Trials with a value.
        pruned: Trials that were ended as hopeless.
        failed: Trials that failed by themselves.
        running: Trials in work, or of a worker that died and is not buried yet.
        lost: Trials whose worker died; each is tried again.
        best: The best trial so far, or None.
        failures: Why trials failed, the commonest first.
        seconds_left: Estimate, or None before the first trial has ended.
        stopping: Whether the workers were asked to stop.
    """

    study: str
    metric: str | None
    budget: int
    settled: int
    complete: int
    pruned: int
    failed: int
    running: int
    lost: int
    best: Ended | None
    failures: tuple[Failure, ...]
    seconds_left: float | None
    stopping: bool

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Ended:
    """One trial that has ended.

    Attributes:
        slot: Its place in the budget, which it keeps over retries; what people call its number.
        number: Its number in Optuna's storage.
        state: ``complete``, ``pruned`` or ``failed``; otherwise why it will be tried again.
        value: The validation metric; of a pruned trial the last one seen.
        seconds: From its start to its end.
        train_seconds: In training alone; None where it was not completed.
        bindings: What it changed, as gin text.
        kind: Class of the exception that failed it, or an empty string.
        reason: Why it failed, or an empty string.
    """

    slot: int
    number: int
    state: str
    value: float | None
    seconds: float | None
    train_seconds: float | None
    bindings: dict[str, str]
    kind: str
    reason: str


def summarise(study: Study) -> Summary:
    """How a study stands."""
    trials = study.trials()
    live = [trial for trial in trials if is_live(trial)]
    count = Counter(trial.state for trial in live)
    outcomes = Counter(trial.user_attrs.get(OUTCOME) for trial in trials)
    attributes = study.attributes
    settled, budget = study.settled(), int(attributes[BUDGET])
    ended = ended_trials(study)
    best = best_trials(ended)
    # One that died ended when it was buried, perhaps days later.
    settling = [t for t in ended if t.state in ("complete", "pruned", "failed")]
    done = [trial.seconds for trial in settling if trial.seconds is not None]
    running = count[TrialState.RUNNING]
    left = sum(done) / len(done) * (budget - settled) / max(1, running) if done else None
    return Summary(
        study=study.name,
        metric=attributes.get(METRIC),
        budget=budget,
        settled=settled,
        complete=count[TrialState.COMPLETE],
        pruned=count[TrialState.PRUNED],
        failed=count[TrialState.FAIL],
        running=running,
        lost=outcomes[LOST],
        best=best[0] if best else None,
        failures=tuple(failures(trials)),
        seconds_left=left,
        stopping=study.is_stopping,
    )


def ended_trials(study: Study) -> list[Ended]:
    """All trials that have ended, by number, but for those that two workers began at once."""
    return [
        _ended(trial)
        for trial in study.trials()
        if trial.state.is_finished() and trial.user_attrs.get(OUTCOME) != DUPLICATE
    ]


def best_trials(ended: list[Ended]) -> list[Ended]:
    """The complete trials, the best first, the earlier first among equals."""
    complete = [t for t in ended if t.state == "complete" and t.value is not None]
    return sorted(complete, key=lambda t: (-(t.value or 0.0), t.slot))


def importances(study: Study) -> dict[str, float]:
    """Relative importance of each setting for reaching the best trials, the largest first.

    By PED-ANOVA (Watanabe et al. 2023): how unlike the values of the best tenth of the trials are
    to those of all. They sum to 1 and are no shares of the metric's variance. Empty where the
    trials are too few or too alike. Settings that only some trials have are left out, as Optuna
    cannot compare them.
    """
    complete = [t for t in study.trials() if t.state == TrialState.COMPLETE]
    others = [set(t.params) for t in complete if t.user_attrs.get(SLOT) != 0]
    shared = set.intersection(*others) if others else set()
    # The current setting may lie outside the space, and would hide what it lacks.
    usable = [t for t in complete if shared <= set(t.params)]
    if len(usable) <= max(_FEWEST, len(shared)):
        return {}
    plain = optuna.create_study(direction="maximize")
    plain.add_trials([_single(trial) for trial in usable])
    try:
        with quietly(), warnings.catch_warnings():
            # Of trials that are all alike Optuna only warns, and calls every setting equal.
            warnings.simplefilter("error", UserWarning)
            found = optuna.importance.get_param_importances(
                plain, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
            )
    except (ValueError, RuntimeError, UserWarning):  # all are alike, or no setting is in all
        return {}
    return {key: float(value) for key, value in found.items()}


def _single(trial: FrozenTrial) -> FrozenTrial:
    return optuna.create_trial(
        value=trial.values[0], params=trial.params, distributions=trial.distributions
    )


def _ended(trial: FrozenTrial) -> Ended:
    state = trial.state.name.lower()
    if trial.state == TrialState.FAIL:
        state = str(trial.user_attrs.get(OUTCOME, "failed"))
    begun, done = trial.datetime_start, trial.datetime_complete
    attributes = trial.user_attrs
    return Ended(
        slot=int(attributes.get(SLOT, trial.number)),
        number=trial.number,
        state=state,
        value=trial.values[0] if trial.values else None,
        seconds=(done - begun).total_seconds() if begun and done else None,
        train_seconds=attributes.get(SECONDS),
        bindings=dict(attributes.get(BINDINGS, {})),
        kind=str(attributes.get(KIND, "")),
        reason=str(attributes.get(REASON, "")),
    )
