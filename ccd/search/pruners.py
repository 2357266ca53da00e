"""Optuna's pruners as components; settings are passed, so that no release changes a study.

Whatever the pruner, ``ccd.search.objective`` asks it neither before the trial's own curriculum has
ended, since until then its scores say little, nor in the last epoch, where nothing is left to save.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ccd.registry import component
from ccd.search.samplers import quietly
from ccd.settings import NonNegativeFloat, OpenFraction, PositiveInt, Slot

if TYPE_CHECKING:
    from optuna.pruners import BasePruner  # where it is used: its import takes long

Reduction = Annotated[PositiveInt, Field(ge=2)]


@dataclass(frozen=True)
class Resources:
    """How long trials are.

    Attributes:
        settled_epoch: First epoch after the curriculum of the recipe's current setting.
        epochs: Upper limit.
    """

    settled_epoch: int
    epochs: int


@dataclass(frozen=True)
class TrialPruner:
    """A pruner and what it looks at: the validation metric per epoch, or per seed."""

    pruner: BasePruner
    per_seed: bool = False


@component("search_pruner")
def median_pruner(
    resources: Resources,
    *,
    n_startup_trials: PositiveInt = 5,
    interval: PositiveInt = 1,
    n_min_trials: PositiveInt = 3,
) -> TrialPruner:
    """Ends a trial whose best score so far is below the median of the others at that epoch.

    Args:
        resources: Not used; the gate is that of each trial.
        n_startup_trials: Whole trials before any is ended.
        interval: Epochs between two looks.
        n_min_trials: Others that must have reached the epoch.
    """
    from optuna.pruners import MedianPruner

    return TrialPruner(
        MedianPruner(
            n_startup_trials=n_startup_trials,
            n_warmup_steps=0,
            interval_steps=interval,
            n_min_trials=n_min_trials,
        )
    )


@component("search_pruner")
def hyperband_pruner(
    resources: Resources,
    *,
    min_resource: PositiveInt | None = None,
    reduction_factor: Reduction = 3,
) -> TrialPruner:
    """Hyperband (Li et al. 2018): brackets of successive halving.

    Args:
        resources: Of the recipe's current setting.
        min_resource: Epochs that every trial gets; None for those of the curriculum.
        reduction_factor: One of so many is kept at each rung.
    """
    from optuna.pruners import HyperbandPruner

    low = min_resource or resources.settled_epoch + 1
    return TrialPruner(
        HyperbandPruner(
            min_resource=min(low, resources.epochs),
            max_resource=resources.epochs,
            reduction_factor=reduction_factor,
            bootstrap_count=0,
        )
    )


@component("search_pruner")
def patient_pruner(
    resources: Resources,
    *,
    patience: PositiveInt = 10,
    min_delta: NonNegativeFloat = 0.0,
    n_startup_trials: PositiveInt = 5,
) -> TrialPruner:
    """The median pruner, only for trials that have not improved for some epochs.

    Args:
        resources: Not used; the gate is that of each trial.
        patience: Epochs without improvement that are allowed.
        min_delta: What counts as an improvement.
        n_startup_trials: Whole trials before any is ended.
    """
    from optuna.pruners import PatientPruner

    inner = median_pruner(resources, n_startup_trials=n_startup_trials).pruner
    with quietly():
        return TrialPruner(PatientPruner(inner, patience=patience, min_delta=min_delta))


@component("search_pruner")
def wilcoxon_pruner(
    resources: Resources, *, p_threshold: OpenFraction = 0.1, n_startup_seeds: PositiveInt = 2
) -> TrialPruner:
    """Ends a trial after a seed where its seeds so far are worse than the best trial's.

    A signed-rank test (Wilcoxon 1945) over the seeds that both have; ``Search.seeds`` has several.

    Args:
        resources: Not used.
        p_threshold: Ends a trial below this.
        n_startup_seeds: Seeds before the first look.
    """
    from optuna.pruners import WilcoxonPruner

    with quietly():
        pruner = WilcoxonPruner(p_threshold=p_threshold, n_startup_steps=n_startup_seeds)
    return TrialPruner(pruner, per_seed=True)


PrunerFactory = Annotated[Callable[[Resources], TrialPruner], Slot("search_pruner")]
