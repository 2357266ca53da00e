"""What makes a run what it is, and what only says how it is computed."""

from typing import Annotated

import pytest

from ccd import catalogue
from ccd.config.graph import ConfigGraph, Node, Parameter
from ccd.config.identity import is_how_it_runs, settings_of
from ccd.config.recipe import load_recipe
from ccd.registry import Component, Setting, components
from ccd.settings import HOW_IT_RUNS, PositiveInt

MARKED = {
    "Experiment.checkpoint",
    "Experiment.device",
    "Experiment.engine",
    "Experiment.probe",
    "Experiment.rank_timeout",
    "Experiment.threads",
    "Experiment.trackers",
    "FullRanking.block_cells",
    "ScoreFile.file",  # each seed of a variant has a file of its own
    "ScoreFile.rows",
    "UNetEstimator.kept_rows",
    "imported_dataset.item_name",
    "mmrec_dataset.item_names",
    "mmrec_dataset.names_order",
    "mmrec_dataset.source",
}


def test_exactly_these_settings_cannot_change_what_is_learned():
    catalogue.load()
    found = {
        f"{component.name}.{setting.name}"
        for component in components()
        for setting in component.settings.values()
        if component.target.__module__.startswith("ccd.") and is_how_it_runs(setting.annotation)
    }
    assert found == MARKED


def test_what_lies_below_a_marked_slot_is_marked_with_it():
    recipe = load_recipe("recipes/ablation_freedom.gin")
    settings = settings_of(recipe.graphs["FREEDOM"])
    assert settings.how.keys() == {
        *(key for key in MARKED if key.startswith(("Experiment.", "FullRanking."))),
        "NegativeProbe.triplets",
        "Checkpoint.every_seconds",
        "Checkpoint.keep",
    }
    assert settings.identity["Experiment.backbone"] == "@FREEDOM"
    assert not settings.identity.keys() & settings.how.keys()


@pytest.mark.parametrize(
    ("annotation", "marked"),
    [
        (PositiveInt, False),
        (PositiveInt | None, False),
        (Annotated[PositiveInt, HOW_IT_RUNS], True),
        (Annotated[PositiveInt | None, HOW_IT_RUNS], True),
        (Annotated[PositiveInt, HOW_IT_RUNS] | None, True),
    ],
)
def test_a_marker_counts_wherever_it_stands(annotation, marked):
    assert is_how_it_runs(annotation) is marked


def node(name, settings, parameters):
    described = {key: Setting(key, annotation, None) for key, annotation in settings.items()}
    made = tuple(Parameter(key, value) for key, value in parameters.items())
    return Node(Component("demo", name, dict, described, ()), "", made)


@pytest.mark.parametrize("order", [("probe", "part"), ("part", "probe")])
def test_a_component_in_a_marked_and_in_an_unmarked_slot_belongs_to_the_identity(order):
    shared = node("shared", {"size": PositiveInt}, {"size": 3})
    annotations = {"probe": Annotated[object, HOW_IT_RUNS], "part": object}
    root = node("root", {key: annotations[key] for key in order}, dict.fromkeys(order, shared))
    settings = settings_of(ConfigGraph(root))
    assert settings.identity == {"root.part": "@shared", "shared.size": "3"}
    assert settings.how == {"root.probe": "@shared"}
