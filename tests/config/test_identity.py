"""What makes a run what it is, and what only says how it is computed."""

from ccd import catalogue
from ccd.config.identity import is_how_it_runs, settings_of
from ccd.config.recipe import load_recipe
from ccd.registry import components

MARKED = {
    "Experiment.device",
    "Experiment.engine",
    "Experiment.probe",
    "Experiment.threads",
    "FullRanking.block_cells",
    "UNetEstimator.kept_rows",
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
        *MARKED - {"UNetEstimator.kept_rows"},
        "NegativeProbe.triplets",
    }
    assert settings.identity["Experiment.backbone"] == "@FREEDOM"
    assert not settings.identity.keys() & settings.how.keys()
