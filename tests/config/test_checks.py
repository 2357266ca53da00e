"""Each mistake a recipe can make is refused where it stands."""

from __future__ import annotations

import pytest

from ccd.errors import ConfigError

HEAD = "include 'gin/base.gin'\ninclude 'gin/datasets/small.gin'\n"

MISTAKES = {
    "unknown component": ("Demoexperimant.seed = 1", "own.gin:3", "did you mean DemoExperiment?"),
    "module path": ("parts.demo_bpr.weight = 1.0", "own.gin:3", "write demo_bpr"),
    "unknown reference": (
        "DemoExperiment.diffusion = @demo_diffusio",
        "own.gin:3",
        "demo_diffusio",
    ),
    "unknown parameter": (
        "DemoExperiment.widht = 1",
        "own.gin:3",
        "did you mean width (int >= 1 | None, default None)?",
    ),
    "run-time argument": ("demo_linear.steps = 9", "own.gin:3", "passed by ccd at run time"),
    "wrong type": ("DemoExperiment.width = '40'", "own.gin:3", "int >= 1 | None, got '40'"),
    "lax type": ("DemoExperiment.plain = '40'", "own.gin:3", "must be int, got '40'"),
    "bool for int": ("DemoExperiment.plain = True", "own.gin:3", "default: 3"),
    "float for int": ("DemoExperiment.plain = 1e3", "own.gin:3", "got 1000.0"),
    "out of range": ("DemoExperiment.width = 0", "own.gin:3", "int >= 1 | None, got 0"),
    "too large": (
        "DemoExperiment.width = 9223372036854775808",
        "own.gin:3",
        "width must be a whole number up to 2147483647, got 9223372036854775808",
    ),
    "component in a list": (
        "DemoExperiment.diffusion = [@demo_diffusion]",
        "own.gin:3",
        "takes a demo_diffusion, got [@demo_diffusion]",
    ),
    "component for losses": (
        "DemoExperiment.losses = {'a': @demo_bpr}",
        "own.gin:3",
        "got {'a': @demo_bpr}",
    ),
    "very long": ("DemoExperiment.width = (" + "1, " * 999 + ")", "own.gin:3", "1, 1..."),
    "nested without end": (
        "DemoExperiment.width = " + "[" * 2000,
        "cannot read this",
        "gin takes 'Component.parameter = literal'",
    ),
    "own rule": (
        "DemoExperiment.fractions = (0.25, 0.5)",
        "own.gin:3",
        "must be fractions that fall from easy to hard, got (0.25, 0.5)",
    ),
    "a tuple of one without its comma": (
        "DemoExperiment.fractions = (0.5)",
        "own.gin:3",
        "the comma makes a tuple: write DemoExperiment.fractions = (0.5,); default",
    ),
    "inside a tuple": ("DemoExperiment.fractions = (2.0,)", "own.gin:3", "float in [0, 1]"),
    "dead scope": ("own/DemoExperiment.seed = 1", "own.gin:3", "no reference uses scope 'own'"),
    "bound twice": (
        "DemoExperiment.width = 1\nDemoExperiment:\n  width = 2",
        "own.gin:5",
        "DemoExperiment.width is bound twice",
    ),
    "never used": ("demo_cosine.offset = 0.5", "own.gin:3", "goes into demo_diffusion.betas"),
    "required": ("DemoExperiment.dataset = %gin.REQUIRED", "own.gin:3", "demo_files, demo_world"),
    "undefined macro": ("DemoExperiment.title = %SEDE", "own.gin:3", "did you mean SEED?"),
    "unused macro": ("SEDE = 1", "own.gin:3", "did you mean SEED?"),
    "macro cycle": ("A = %B\nB = [%A]\nDemoExperiment.title = %A", "own.gin:3", "contains itself"),
    "literal in a slot": (
        "DemoExperiment.diffusion = 'demo_diffusion'",
        "own.gin:3",
        "takes a demo_diffusion, got 'demo_diffusion'\n  recipes/own.gin:3",
    ),
    "wrong family": (
        "DemoExperiment.diffusion = @demo_linear",
        "own.gin:3",
        "got @demo_linear, a demo_schedule",
    ),
    "wrong family in a tuple": (
        "DemoExperiment.losses = (@demo_bpr, @demo_linear)",
        "own.gin:3",
        "NAME one of demo_bpr, demo_denoising, demo_nested; default: ()",
    ),
    "component where a number goes": (
        "DemoExperiment.seed = @demo_linear",
        "own.gin:3",
        "DemoExperiment.seed takes no component",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_refused_with_its_place_and_a_way_out(load, mistake):
    text, place, way_out = MISTAKES[mistake]
    with pytest.raises(ConfigError) as caught:
        load(HEAD + text + "\n")
    assert place in str(caught.value)
    assert way_out in str(caught.value)


def test_required_and_never_bound_names_the_reference(load):
    with pytest.raises(ConfigError) as caught:
        load("DemoExperiment.dataset = @demo_files\n")
    message = str(caught.value)
    assert "demo_files.name is required and not set" in message
    assert "recipes/own.gin:1    DemoExperiment.dataset = @demo_files" in message


def test_a_component_may_not_contain_itself(load):
    with pytest.raises(ConfigError, match="demo_nested -> demo_nested"):
        load(HEAD + "DemoExperiment.losses = [@demo_nested]\ndemo_nested.inner = @demo_nested\n")


def test_independent_mistakes_come_together(load):
    with pytest.raises(ConfigError) as caught:
        load(HEAD + "DemoExperiment.widht = 1\nDemoExperiment.sed = 2\n")
    message = str(caught.value)
    assert message.startswith("2 mistakes")
    assert "own.gin:3" in message
    assert "own.gin:4" in message


def test_wiring_that_nobody_needs_is_no_mistake(load):
    recipe = load(HEAD)
    assert {n.component.name for n in recipe.graphs["own"].nodes()} == {
        "DemoExperiment",
        "demo_files",
    }


@pytest.mark.parametrize(
    "options", [{"bindings": ["demo_bpr.weight = 2.0"]}, {"with_files": ["extra.gin"]}]
)
def test_additions_that_reach_nothing_are_refused(load, project, options):
    (project / "extra.gin").write_text("demo_bpr.weight = 2.0\n")
    with pytest.raises(ConfigError, match=r"demo_bpr\.weight is bound but never used"):
        load(HEAD, **options)


def test_values_are_normalised_to_the_annotation(load):
    root = load(HEAD + "DemoExperiment.fractions = [1, 0]\n").graphs["own"].root
    assert root["fractions"].value == (1.0, 0.0)
    assert [type(v) for v in root["fractions"].value] == [float, float]


def test_no_hint_names_a_part_that_was_swapped_out(load):
    text = (
        f"{HEAD}DemoExperiment.diffusion = @demo_diffusion\n"
        "demo_diffusion.betas = @demo_cosine\ndemo_cosine.offset = 0.1\n"
    )
    swap = "DemoExperiment.diffusion = @own/demo_diffusion"
    swaps = [swap, "own/demo_diffusion.betas = @demo_linear"]
    load(text, bindings=swaps)
    with pytest.raises(ConfigError) as caught:
        load(text, bindings=[*swaps, "demo_cosine.offset = 0.2"])
    message = str(caught.value)
    assert "demo_cosine.offset is bound but never used" in message
    assert "did you mean" not in message
