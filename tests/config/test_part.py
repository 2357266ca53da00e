import sys

import pytest

from ccd import catalogue, registry
from ccd.config.part import load_part, load_slot
from ccd.errors import ConfigError

ARCHIVED = """
import demo_slot_world
import demo_slot_sampler
Experiment.dataset = @own_world
Experiment.sampler = @DemoSlotSampler
own_world.n_users = 7
planted_world.n_items = 9
"""
WORLD = '''
from ccd.registry import component
from ccd.settings import PositiveInt
@component("dataset")
def own_world(folders: list, *, n_users: PositiveInt = 3) -> None:
    """A world.

    Args:
        n_users: Users.
    """
'''


def test_a_part_is_wired_as_in_every_recipe_and_bindings_win():
    comparison = load_part("Comparison").factory()()
    assert comparison.description == "Wilcoxon signed-rank over users, Holm-corrected"
    bindings = ["Comparison.test = @t_test", "Comparison.over = 'seeds'"]
    comparison = load_part("Comparison", bindings=bindings).factory()()
    assert comparison.description == "paired t-test over seeds, Holm-corrected"


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        ("Comparison.over = 'items'", "Comparison.over"),
        ("Comparison.tests = @t_test", "did you mean"),
        ("Comparison.confidence = 1.5", "Comparison.confidence"),
        ("Trainer.epochs = 5", "Trainer.epochs"),
    ],
)
def test_wrong_and_useless_bindings_are_refused(binding, message):
    with pytest.raises(ConfigError, match=message):
        load_part("Comparison", bindings=[binding])


@pytest.fixture
def archived(tmp_path, monkeypatch):
    """A run's file whose data set and sampler are the user's own; the registry forgets them."""
    catalogue.load()
    monkeypatch.setattr(registry, "_COMPONENTS", dict(registry._COMPONENTS))
    (tmp_path / "demo_slot_world.py").write_text(WORLD)
    (tmp_path / "demo_slot_sampler.py").write_text("raise SystemExit('imported')")
    (tmp_path / "operative.gin").write_text(ARCHIVED)
    yield tmp_path / "operative.gin"
    sys.modules.pop("demo_slot_world", None)


def test_a_slot_needs_the_import_of_its_own_part_alone(archived):
    with pytest.raises(ConfigError, match="Experiment.dataset needs 'own_world'") as caught:
        load_slot(archived, "dataset")
    assert "--allow-import demo_slot_world" in caught.value.hint
    world = load_slot(archived, "dataset", allow_imports=["demo_slot_world"]).root
    assert (world.component.name, world["n_users"].value) == ("own_world", 7)


def test_a_slot_that_is_not_filled_is_refused(archived):
    with pytest.raises(ConfigError, match="does not fill Experiment.evaluator"):
        load_slot(archived, "evaluator")
