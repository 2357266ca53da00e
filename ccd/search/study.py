"""A study: its budget of slots, what has become of each, and who takes the next.

A slot is one trial of the budget. It is settled once a trial of it ended by itself: complete,
pruned, or failed for a reason of its own. A trial whose worker died or was stopped leaves the slot
open, and it is tried again with the same setting, so restarts neither lose nor add a trial.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from ccd.errors import ConfigError
from ccd.runs.identity import differences
from ccd.search.leases import Lease, Leases

SLOT, OUTCOME, KIND, REASON = "ccd:slot", "ccd:outcome", "ccd:kind", "ccd:reason"
"""Attributes of a trial: its slot; how it ended without a value; the exception's class and text."""
BINDINGS, BEST_EPOCHS, SECONDS = "ccd:bindings", "ccd:best_epochs", "ccd:seconds"
"""Attributes of a trial: what it changed, its best epoch per seed, and its wall seconds."""
BUDGET, RETRIES, SOURCE, IDENTITY, STOP, METRIC = (
    "ccd:budget", "ccd:retries", "ccd:source", "ccd:identity", "ccd:stop", "ccd:metric",
)  # fmt: skip
"""Attributes of a study."""
LOST, STOPPED, DUPLICATE, FAILED = "lost", "stopped", "duplicate", "failed"
_OPEN = (LOST, STOPPED, DUPLICATE)

Direction = Literal["maximize", "minimize"]
Preset = Callable[[int], tuple[dict[str, Any], dict[str, BaseDistribution]]]
"""The setting that a slot is bound to, and its distributions; empty where a sampler proposes it."""


@dataclass(frozen=True)
class Claim:
    """A slot to train, with the lease to release afterwards."""

    slot: int
    trial_id: int
    lease: Lease


class Study:
    """One study in a storage; many processes may have it open.

    Args:
        storage: Where it is kept.
        name: Its name.

    Raises:
        KeyError: There is none of that name.
    """

    def __init__(self, storage: BaseStorage, name: str) -> None:
        self.storage, self.name = storage, name
        self.id = storage.get_study_id_from_name(name)

    @property
    def attributes(self) -> dict[str, Any]:
        """The study's own attributes."""
        return self.storage.get_study_user_attrs(self.id)

    def set(self, name: str, value: Any) -> None:
        """Set one of the study's own attributes."""
        self.storage.set_study_user_attr(self.id, name, value)

    @property
    def budget(self) -> int:
        """Total number of slots."""
        return int(self.attributes[BUDGET])

    @property
    def retries(self) -> int:
        """How often a slot whose worker died is tried again."""
        return int(self.attributes[RETRIES])

    @property
    def is_stopping(self) -> bool:
        """Whether somebody asked the workers to stop."""
        return bool(self.attributes.get(STOP, False))

    def trials(self) -> list[FrozenTrial]:
        """All trials, by number."""
        return self.storage.get_all_trials(self.id, deepcopy=False)

    def by_slot(self) -> dict[int, list[FrozenTrial]]:
        """Trials of each slot, by number."""
        slots: dict[int, list[FrozenTrial]] = defaultdict(list)
        for trial in self.trials():
            if SLOT in trial.user_attrs:
                slots[int(trial.user_attrs[SLOT])].append(trial)
        return slots

    def settled(self) -> int:
        """How many slots of the budget need no more work."""
        slots, retries = self.by_slot(), self.retries
        return sum(is_settled(slots.get(slot, []), retries) for slot in range(self.budget))

    @property
    def is_over(self) -> bool:
        """Whether no slot of the budget needs more work."""
        return self.settled() >= self.budget

    @property
    def yet(self) -> str:
        """Ends a sentence about what is not there: `` yet`` while trials may still bring it."""
        return "" if self.is_over else " yet"

    def claim(self, leases: Leases, preset: Preset) -> Claim | None:
        """The next slot that nobody alive is training.

        None where there is none; then either all are settled or other workers have the rest.
        """
        slots, retries = self.by_slot(), self.retries
        for slot in range(self.budget):
            if is_settled(slots.get(slot, []), retries):
                continue
            lease = leases.take(slot)
            if lease is None:
                continue
            trial_id = self._begin(slot, leases, preset)
            if trial_id is not None:
                return Claim(slot, trial_id, lease)
            lease.release()
        return None

    def end(self, trial_id: int, outcome: str, reason: str = "", *, kind: str = "") -> bool:
        """End a running trial without a value; False where another process ended it before.

        Args:
            trial_id: The trial, as the storage numbers it.
            outcome: ``LOST``, ``STOPPED``, ``DUPLICATE`` or ``FAILED``.
            reason: Why, in words.
            kind: Name of the exception's class, where one ended it.
        """
        try:
            for name, text in ((OUTCOME, outcome), (KIND, kind), (REASON, reason)):
                if text:
                    self.storage.set_trial_user_attr(trial_id, name, text)
            return self.storage.set_trial_state_values(trial_id, TrialState.FAIL)
        except UpdateFinishedTrialError:
            return False

    def _begin(self, slot: int, leases: Leases, preset: Preset) -> int | None:
        """A running trial of the slot, or None where somebody else has it after all."""
        mine = self.by_slot().get(slot, [])
        for trial in mine:
            if trial.state == TrialState.RUNNING:
                if not leases.is_dead(trial):
                    return None
                self.end(trial._trial_id, LOST, "its worker died")
        mine = self.by_slot().get(slot, [])
        if is_settled(mine, self.retries):
            return None
        params, distributions = preset(slot)
        for trial in mine:  # what those before had chosen already
            params = {**params, **trial.params}
            distributions = {**distributions, **trial.distributions}
        template = optuna.create_trial(
            state=TrialState.RUNNING,
            params=params,
            distributions=distributions,
            user_attrs={SLOT: slot},
        )
        trial_id = self.storage.create_new_trial(self.id, template)
        number = self.storage.get_trial(trial_id).number
        # Where leases are no locks, two may have come this far: the earlier trial has the slot.
        if any(is_live(t) and t.number < number for t in self.by_slot()[slot]):
            self.end(trial_id, DUPLICATE)
            return None
        return trial_id


def create_study(
    storage: BaseStorage,
    name: str,
    directions: Sequence[Direction],
    attributes: Mapping[str, Any],
) -> Study:
    """A new study, or the one of that name.

    Args:
        storage: Where it is kept.
        name: Its name.
        directions: Of each objective.
        attributes: Of a new study; what an existing one says of ``IDENTITY`` must be the same.

    Raises:
        ConfigError: The study of that name searches something else.
    """
    optuna.create_study(
        storage=storage, study_name=name, directions=directions, load_if_exists=True
    )
    study = Study(storage, name)
    known = study.attributes
    # A study whose data or model was refused before its first trial may be corrected.
    is_empty = not study.trials() and known.get(IDENTITY) != attributes[IDENTITY]
    for key, value in attributes.items():
        if is_empty or key not in known:
            study.set(key, value)
    # Read anew, for another process may have come first since.
    refuse_other_settings(study, attributes[IDENTITY])
    return study


def refuse_other_settings(study: Study, identity: Mapping[str, str]) -> None:
    """Refuse to add trials that are not of what the study searches.

    Raises:
        ConfigError: The study's identity is another.
    """
    changed = differences(study.attributes[IDENTITY], identity)
    if changed:
        more = [f"and {len(changed) - 5} more"] if len(changed) > 5 else []
        raise ConfigError(
            f"study '{study.name}' has other settings, so its values cannot be compared",
            details=[*changed[:5], *more],
            hint="undo the change, or give this search a name of its own with --study",
        )


def is_live(trial: FrozenTrial) -> bool:
    """Whether the trial is running, or ended in a way that settles its slot."""
    return trial.state != TrialState.FAIL or trial.user_attrs.get(OUTCOME) not in _OPEN


def is_settled(trials: list[FrozenTrial], retries: int) -> bool:
    """Whether a slot with these trials needs no more work."""
    done = any(is_live(trial) and trial.state.is_finished() for trial in trials)
    lost = sum(trial.user_attrs.get(OUTCOME) == LOST for trial in trials)
    return done or lost > retries
