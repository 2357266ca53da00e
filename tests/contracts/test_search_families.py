"""Every registered sampler and pruner of searches, without an edit here."""

import optuna
import pytest

from ccd import catalogue
from ccd.registry import components
from ccd.search.pruners import Resources, TrialPruner
from ccd.search.samplers import Exhaustive, SamplerSeeds

catalogue.load()
optuna.logging.set_verbosity(optuna.logging.WARNING)


def family(name):
    own = [c for c in components(name) if c.target.__module__.startswith("ccd.")]
    return pytest.mark.parametrize("part", own, ids=lambda c: c.name)


@family("search_sampler")
def test_samplers_draw_the_same_from_the_same_seeds(part):
    if part.name == "cmaes_search":
        pytest.importorskip("cmaes", reason="the package cmaes is not installed")
    if isinstance(part.target(SamplerSeeds(0, 0)), Exhaustive):
        return

    def draw():
        study = optuna.create_study(direction="maximize", pruner=optuna.pruners.NopPruner())
        points = []
        for slot in range(8):
            study.sampler = part.target(SamplerSeeds(3, slot))
            trial = study.ask()
            points.append((trial.suggest_float("x", 0, 1), trial.suggest_int("n", 1, 9)))
            study.tell(trial, points[-1][0])
        return points

    first = draw()
    assert first == draw()
    assert len(set(first)) > 4
    assert all(0 <= x <= 1 and 1 <= n <= 9 for x, n in first)


@family("search_pruner")
@pytest.mark.parametrize("resources", [Resources(0, 5), Resources(12, 40), Resources(40, 40)])
def test_pruners_take_any_length_and_spare_the_best(part, resources):
    made = part.target(resources)
    assert isinstance(made, TrialPruner)
    study = optuna.create_study(direction="maximize", pruner=made.pruner)
    for score in range(6):
        trial = study.ask()
        for step in range(resources.epochs):
            trial.report(score + step / 100, step)
            if trial.should_prune():
                break
    assert not trial.should_prune()
