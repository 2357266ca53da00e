"""Optuna's samplers as components; settings are passed, so that no release changes a study.

A sampler is made anew for each trial, from a seed of the study and the trial: a study that was
interrupted goes on as if it had not been, and no two workers draw the same numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from ccd.registry import component
from ccd.settings import Flag, Fraction, PositiveInt, Slot

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler  # where it is used: its import takes long


@contextmanager
def quietly() -> Iterator[None]:
    """Without Optuna's notices that a part of it is experimental."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


@dataclass(frozen=True)
class SamplerSeeds:
    """Where a sampler's randomness comes from.

    Attributes:
        study: The same for all trials of a study.
        trial: Of its own for each trial.
    """

    study: int
    trial: int


@dataclass(frozen=True)
class Exhaustive:
    """No sampler: every point of the space once, in this order."""

    order: Literal["random", "listed"]


@component("search_sampler")
def tpe_search(
    seeds: SamplerSeeds,
    *,
    n_startup_trials: PositiveInt = 10,
    n_ei_candidates: PositiveInt = 24,
    multivariate: Flag = True,
    group: Flag = True,
    constant_liar: Flag = True,
) -> BaseSampler:
    """Tree-structured Parzen estimator (Bergstra et al. 2011; multivariate: Falkner et al. 2018).

    Args:
        seeds: Source of randomness.
        n_startup_trials: Random trials before the model is used.
        n_ei_candidates: Candidates per draw.
        multivariate: Model settings jointly.
        group: Model settings that occur together jointly, which conditional spaces need.
        constant_liar: Keep away from what other workers are trying.
    """
    from optuna.samplers import TPESampler

    with quietly():
        return TPESampler(
            n_startup_trials=n_startup_trials,
            n_ei_candidates=n_ei_candidates,
            seed=seeds.trial,
            multivariate=multivariate,
            group=group,
            constant_liar=constant_liar,
        )


@component("search_sampler")
def random_search(seeds: SamplerSeeds) -> BaseSampler:
    """Independent uniform draws."""
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=seeds.trial)


@component("search_sampler")
def grid_search(
    seeds: SamplerSeeds, *, order: Literal["random", "listed"] = "random"
) -> Exhaustive:
    """Every point once.

    Args:
        seeds: Of the study, for the order.
        order: ``random``, so that a part of the grid tells about all of it, or as ``listed``.
    """
    return Exhaustive(order)


@component("search_sampler")
def qmc_search(
    seeds: SamplerSeeds, *, sequence: Literal["sobol", "halton"] = "sobol", scramble: Flag = True
) -> BaseSampler:
    """Quasi-random points that fill the space evenly; settings that are conditional are random.

    Args:
        seeds: Source of randomness; all trials share the scrambling.
        sequence: Whose points.
        scramble: Shift the sequence at random, which keeps it even.
    """
    from optuna.samplers import QMCSampler, RandomSampler

    with quietly():
        return QMCSampler(
            qmc_type=sequence,
            scramble=scramble,
            seed=seeds.study,
            independent_sampler=RandomSampler(seed=seeds.trial),
            warn_asynchronous_seeding=False,
            warn_independent_sampling=False,
        )


@component("search_sampler")
def cmaes_search(
    seeds: SamplerSeeds, *, n_startup_trials: PositiveInt = 5, population: PositiveInt | None = None
) -> BaseSampler:
    """CMA-ES (Hansen) over numeric ranges; choices are drawn at random. Needs the extra 'search'.

    Args:
        seeds: Source of randomness.
        n_startup_trials: Random trials before the first population.
        population: Trials per generation; None for ``4 + floor(3 ln n)``.
    """
    from optuna.samplers import CmaEsSampler, RandomSampler

    with quietly():
        return CmaEsSampler(
            n_startup_trials=n_startup_trials,
            independent_sampler=RandomSampler(seed=seeds.trial),
            warn_independent_sampling=False,
            seed=seeds.trial,
            consider_pruned_trials=False,
            popsize=population,
            use_separable_cma=False,
            with_margin=False,
            lr_adapt=False,
        )


@component("search_sampler")
def gp_search(
    seeds: SamplerSeeds, *, n_startup_trials: PositiveInt = 10, deterministic: Flag = True
) -> BaseSampler:
    """Gaussian process with expected improvement: few, costly trials.

    Args:
        seeds: Source of randomness.
        n_startup_trials: Random trials before the model is used.
        deterministic: The same setting always has the same value, as it has with one seed.
    """
    from optuna.samplers import GPSampler, RandomSampler

    with quietly():
        return GPSampler(
            seed=seeds.trial,
            independent_sampler=RandomSampler(seed=seeds.trial),
            n_startup_trials=n_startup_trials,
            deterministic_objective=deterministic,
            warn_independent_sampling=False,
        )


@component("search_sampler")
def nsga2_search(
    seeds: SamplerSeeds,
    *,
    population: PositiveInt = 20,
    crossover_share: Fraction = 0.9,
    swapping_share: Fraction = 0.5,
) -> BaseSampler:
    """NSGA-II (Deb et al. 2002), for two objectives.

    Args:
        seeds: Source of randomness.
        population: Trials per generation.
        crossover_share: Children that have two parents.
        swapping_share: Settings that such a child takes from the other parent.
    """
    from optuna.samplers import NSGAIISampler

    with quietly():
        return NSGAIISampler(
            population_size=population,
            mutation_prob=None,
            crossover_prob=crossover_share,
            swapping_prob=swapping_share,
            seed=seeds.trial,
        )


SearchSamplerFactory = Annotated[Callable[[SamplerSeeds], Any], Slot("search_sampler")]
"""Makes a sampler of Optuna's or ``Exhaustive``."""
