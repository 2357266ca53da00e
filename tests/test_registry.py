import inspect

import pytest
from pydantic import TypeAdapter

from ccd import catalogue
from ccd.registry import _COMPONENTS, component, components, families, find
from ccd.settings import REQUIRED, PositiveInt

catalogue.load()


@pytest.fixture
def registry():
    """Leaves the registry as it was."""
    before = dict(_COMPONENTS)
    yield
    _COMPONENTS.clear()
    _COMPONENTS.update(before)


def test_settings_are_what_has_a_default(registry):
    @component("toy")
    def toy_part(epoch: int, *, size: PositiveInt = 3) -> int:
        """A toy."""
        return epoch * size

    found = find("toy_part")
    assert (found.family, found.summary) == ("toy", "A toy.")
    assert found.runtime == ("epoch",)
    assert list(found.settings) == ["size"]
    assert toy_part(2) == 6  # Python calls stay plain


def test_rules_are_enforced(registry):
    def swallowing(*, a: int = 1, **rest: int) -> None:
        """Takes anything."""

    def bare(a, *, b: int = 1) -> None:
        """Has no annotation."""

    def positional(a: int = 1) -> None:
        """Has a positional setting."""

    def silent(*, a: int = 1) -> None:
        pass

    for part, reason in [
        (swallowing, "swallow typos"),
        (bare, "'a' has no annotation"),
        (positional, "must be keyword-only"),
        (silent, "no docstring"),
    ]:
        with pytest.raises(TypeError, match=reason):
            component("toy")(part)


def test_names_are_unique_across_families(registry):
    def cosine_betas(steps: int) -> None:
        """Another one."""

    with pytest.raises(TypeError, match="exists already"):
        component("toy")(cosine_betas)


def test_the_families_of_the_paper_are_there():
    assert set(families()) >= {
        "aligner", "backbone", "curriculum", "dataset", "diffusion", "estimator", "evaluator",
        "fusion", "item_graph", "losses", "metric", "noise_schedule", "optimizer", "pools",
        "projector", "pruning", "sampler", "stopping", "trainer", "update",
    }  # fmt: skip


OWN = [c for c in components() if c.target.__module__.startswith("ccd.")]  # tests register some too


@pytest.mark.parametrize("part", OWN, ids=lambda c: c.name)
class TestEveryComponent:
    def test_defaults_pass_their_own_types(self, part):
        for setting in part.settings.values():
            if setting.default not in (None, REQUIRED):
                TypeAdapter(setting.annotation).validate_python(setting.default)

    def test_the_docstring_explains_every_setting(self, part):
        text = inspect.getdoc(part.target)
        for name in part.settings:
            assert f"    {name}: " in text, f"{part.name}.{name} is not explained"
