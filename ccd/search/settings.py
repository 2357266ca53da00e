"""What a search recipe adds to a run recipe: the space, who searches it, and how much."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ccd.config.ablation import Seeds
from ccd.registry import component
from ccd.search.pruners import PrunerFactory
from ccd.search.samplers import SearchSamplerFactory
from ccd.settings import REQUIRED, Flag, NonNegativeInt, PositiveFloat, PositiveInt, Text

DEFAULT_TRIALS = 60


def _without_tuples(space: Any) -> Any:
    """A tuple is how other tools write a range, and would here be two choices."""
    for key, value in space.items() if isinstance(space, dict) else ():
        if isinstance(value, tuple):
            raise ValueError(
                f"lists of choices and ranges, but '{key}' is a tuple: "
                "write {'low': LOW, 'high': HIGH} or [CHOICE, CHOICE]"
            )
    return space


SpaceLists = Annotated[dict[Text, list[Any] | dict[Text, Any]], BeforeValidator(_without_tuples)]
"""Setting to its choices, ``[0.5, 0.7]``, or its range, ``{'low': 1e-6, 'high': 1e-3}``."""
ObjectiveName = Literal["metric", "seconds"]


def _with_metric(values: tuple[ObjectiveName, ...]) -> tuple[ObjectiveName, ...]:
    if values[:1] != ("metric",) or len(set(values)) < len(values):
        raise ValueError("('metric',) or ('metric', 'seconds')")
    return values


Objectives = Annotated[tuple[ObjectiveName, ...], Field(min_length=1), AfterValidator(_with_metric)]


@component("recipe")
class Search:
    """A study over the settings of one variant, judged by its validation metric.

    Args:
        space: What is searched. Components are chosen as ``'@name'``; a component's own settings
            are searched only in trials that have it.
        variant: The variant that is searched; None where the recipe has one only.
        sampler: Proposes the next setting.
        pruner: Ends hopeless trials early; None, the default, for never.
        trials: Total number of trials; None for every point of a grid, or 60.
        seeds: A trial trains once per seed and its value is the mean; None for the recipe's first.
        objectives: The validation metric, or that and the training seconds.
        current_first: Trial 0 is the recipe's current setting.
        retries: How often a trial whose worker died is tried again.
        seed: Of the sampler.
        heartbeat: Seconds between two signs of life of a worker; not for a journal file, whose
            workers hold locks.
        test_seeds: Seeds on which the winner, and only it, is tested.
    """

    def __init__(
        self,
        *,
        space: SpaceLists | None = None,
        variant: Text | None = None,
        sampler: SearchSamplerFactory = REQUIRED,
        pruner: PrunerFactory | None = None,
        trials: PositiveInt | None = None,
        seeds: Seeds | None = None,
        objectives: Objectives = ("metric",),
        current_first: Flag = True,
        retries: NonNegativeInt = 3,
        seed: NonNegativeInt = 0,
        heartbeat: PositiveFloat = 15.0,
        test_seeds: Seeds = (999, 1000, 1001),
    ) -> None:
        self.space, self.variant = space or {}, variant
        self.sampler, self.pruner = sampler, pruner
        self.trials, self.seeds, self.objectives = trials, seeds, objectives
        self.current_first, self.retries, self.seed = current_first, retries, seed
        self.heartbeat, self.test_seeds = heartbeat, test_seeds
