"""A worker: loads the recipe itself and trains slot after slot until none is left.

Workers share nothing but the storage, so one more can be started anywhere at any time.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import optuna
from optuna.exceptions import TrialPruned, UpdateFinishedTrialError
from optuna.trial import Trial, TrialState

from ccd.config.files import data_dir_of
from ccd.crew import as_worker
from ccd.datasets.locate import data_folders
from ccd.errors import CcdError, ConfigError, reason
from ccd.files import refusing_io
from ccd.runs.signals import Halt
from ccd.search.failures import refuse_hopeless
from ccd.search.folders import CHECKPOINTS_FOLDER
from ccd.search.leases import BeatLeases, FileLeases, Leases
from ccd.search.objective import Interrupted, Objective
from ccd.search.order import Order
from ccd.search.presets import Presets
from ccd.search.pruners import TrialPruner
from ccd.search.space import Space
from ccd.search.storage import StorageLostError, Store, open_store
from ccd.search.study import (
    BEST_EPOCHS,
    BINDINGS,
    FAILED,
    METRIC,
    SECONDS,
    SLOT,
    STOPPED,
    Claim,
    Study,
    refuse_other_settings,
)
from ccd.search.target import Target

DATA = "ccd:data"
"""Attribute of a study: the fingerprint of its data set."""
SAME = "ccd:same_as"
"""Attribute of a trial: the slot of an earlier one with the same setting, whose values it took."""
WORKER = "ccd:worker"
"""Attribute of a trial: process and host."""
POLL = 1.0
"""Seconds between two looks at what other workers still train."""


def leases_of(store: Store, study: str, heartbeat: float) -> Leases:
    """How the workers of a study know that one of them died."""
    if store.journal is not None:
        return FileLeases(store.journal.with_name(f"{store.journal.name}.leases") / study)
    return BeatLeases(store.backend, heartbeat)


class Worker:
    """Trains the open slots of a study, one after the other.

    Args:
        order: What to do.
        halt: Says when to stop.
        on_trial: Called after each trial.

    Raises:
        CcdError: The recipe, the data or the storage cannot be used.
    """

    def __init__(self, order: Order, halt: Halt, on_trial: Callable[[], None]) -> None:
        self.order, self.halt, self.on_trial = order, halt, on_trial
        self.target = Target(order.source)
        self.search = self.target.search
        self.presets = Presets(Space(self.target))
        store = open_store(order.storage, Path(order.folder))
        self.study = Study(store.backend, order.study)
        refuse_other_settings(self.study, self.presets.identity)
        self.leases = leases_of(store, order.study, self.search.heartbeat)
        folder = data_dir_of(order.source.dataset, order.source.data_dir)
        self.objective = Objective(self.target, data_folders(folder), Path(order.folder))
        self.pruning = self._prepare()

    def work(self) -> None:
        """Train until all slots are settled, time is up, or a stop is asked for.

        Raises:
            CcdError: Every trial fails.
        """
        while not self.is_over():
            late = self.order.until is not None and time.time() >= self.order.until
            claim = None
            if not late:
                self._refuse_other_settings()
                self._refuse_other_data()
                claim = self.study.claim(self.leases, self.presets)
            if claim is not None:
                try:
                    self._train(claim)
                finally:
                    claim.lease.release()
                self.on_trial()
                refuse_hopeless(self.study.trials())
            elif late or self.study.is_over:
                return
            else:
                # Others train the rest; should one of them die, its slot is taken here.
                self.halt.wait(POLL)
                self.on_trial()

    def is_over(self) -> bool:
        """Whether somebody asked this worker, or all, to stop."""
        return self.halt.asked() or self.study.is_stopping

    def _refuse_other_settings(self) -> None:
        """Refuse a recipe whose files were edited since the study began; called before each trial.

        The study may be another one too: until its first trial a box that begins may change it.
        """
        now = Target(self.order.source).identity
        refuse_other_settings(self.study, {**self.presets.identity, **now})

    def _refuse_other_data(self) -> None:
        """Refuse data that are not the study's; called before each trial.

        Machines that begin at once both find a study without any.
        """
        if self.study.attributes.get(DATA, self._fingerprint) != self._fingerprint:
            raise ConfigError(
                f"the files of data set '{self.target.recipe.dataset}' on this machine differ from "
                f"those that study '{self.study.name}' was begun with",
                hint="copy the same files to every machine, or name a new study with --study",
            )

    def _prepare(self) -> TrialPruner | None:
        resources, metric, self._fingerprint = self.objective.prepare()
        if self.study.trials():
            self._refuse_other_data()
        known = self.study.attributes
        for name, value in ((DATA, self._fingerprint), (METRIC, metric)):
            if known.get(name) != value:
                self.study.set(name, value)
        pruner = self.search.pruner
        if pruner is None or len(self.search.objectives) > 1:
            return None  # Optuna prunes on one objective only
        return pruner(resources)

    def _train(self, claim: Claim) -> None:
        """Train one slot and tell the study how it ended."""
        study, checkpoint = self._optuna(claim.slot), self._checkpoint(claim.slot)
        try:
            with self.leases.keep(claim.trial_id):
                trial = Trial(study, claim.trial_id)
                trial.set_user_attr(WORKER, f"{os.getpid()}@{platform.node()}")
                texts = self.presets.texts(claim.slot, trial)
                trial.set_user_attr(BINDINGS, texts)
                values = self._known(trial, texts) or self.objective(
                    trial, claim.slot, texts, self.pruning, self.is_over, checkpoint
                )
            study.tell(trial, values, skip_if_finished=True)
        except TrialPruned:
            study.tell(trial, state=TrialState.PRUNED, skip_if_finished=True)
        except Interrupted:
            self.study.end(claim.trial_id, STOPPED, "stopped")
            return  # the slot's next trial goes on from the checkpoint
        except KeyboardInterrupt:
            self.study.end(claim.trial_id, STOPPED, "stopped")
            raise
        except UpdateFinishedTrialError:
            return  # taken for dead and buried while the storage was out of reach
        except StorageLostError:
            raise
        # One setting that cannot be trained must not end the study, whatever its parts raise.
        except (Exception, SystemExit) as error:
            why = error.one_line if isinstance(error, CcdError) else reason(error)
            self.study.end(claim.trial_id, FAILED, why, kind=type(error).__name__)
        checkpoint.unlink(missing_ok=True)

    def _checkpoint(self, slot: int) -> Path:
        """Where the trials of a slot keep their state; the folder may be another machine's too."""
        folder = Path(self.order.folder) / CHECKPOINTS_FOLDER
        with refusing_io(folder):
            folder.mkdir(exist_ok=True)
        return folder / f"slot-{slot}.safetensors"

    def _known(self, trial: Trial, texts: dict[str, str]) -> list[float] | None:
        """The values of an earlier trial of this setting: training it again would give the same."""
        for earlier in self.study.trials():
            if earlier.state == TrialState.COMPLETE and earlier.user_attrs.get(BINDINGS) == texts:
                for name in (BEST_EPOCHS, SECONDS):
                    trial.set_user_attr(name, earlier.user_attrs.get(name))
                trial.set_user_attr(SAME, earlier.user_attrs[SLOT])
                return list(earlier.values)
        return None

    def _optuna(self, slot: int) -> optuna.Study:
        """Optuna's view of the study, with the slot's own sampler."""
        pruner = self.pruning.pruner if self.pruning else optuna.pruners.NopPruner()
        return optuna.load_study(
            study_name=self.study.name,
            storage=self.study.storage,
            sampler=self.presets.sampler(slot),
            pruner=pruner,
        )


def main() -> None:
    """A worker process, whose order is an ``Order``."""
    as_worker(lambda order, halt: Worker(Order.from_json(order), halt, lambda: None).work())
