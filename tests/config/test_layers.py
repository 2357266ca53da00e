"""Precedence: which of two statements of the same setting wins."""

from __future__ import annotations

import pytest

from ccd.errors import ConfigError

HEAD = "include 'gin/base.gin'\ninclude 'gin/datasets/small.gin'\n"


def test_each_layer_beats_the_one_before(load, project):
    """The layers of the README, one switched on after the other."""
    titled = "DemoExperiment.title = '{}'\n".format
    files = {
        "gin/modules/first.gin": titled("gin included"),
        "gin/modules/second.gin": titled("gin listed"),
        "recipes/settings/layer.gin": titled("data set"),
        "recipes/settings/layer/demoexperiment.gin": titled("data set and component"),
        "recipes/included.gin": titled("include"),
        "layer.gin": "DemoExperiment.dataset = @demo_files\ndemo_files.name = 'layer'\n",
        "with.gin": titled("with"),
        "recipes/listed.gin": titled("listed file"),
    }
    (project / "recipes/settings/layer").mkdir(parents=True)
    steps = {
        "gin included": (),
        "gin listed": ("'second'",),
        "data set": (),
        "data set and component": (),
        "include": (),
        "recipe": (),
        "dataset file": (),
        "with": (),
        "listed file": ("'listed.gin'",),
        "list": ("\"DemoExperiment.title = 'list'\"",),
        "set": (),
    }
    lists: tuple[str, ...] = ()
    done: set[str] = set()
    for name, items in steps.items():
        done.add(name)
        lists += items
        for file, text in files.items():
            file_on = "title" not in text or text.split("'")[1] in done
            (project / file).write_text(text if file_on else "")
        if "dataset file" in done:
            (project / "layer.gin").write_text(files["layer.gin"] + titled("dataset file"))
        text = (
            "include 'recipes/included.gin'\n"
            + (titled("recipe") if "recipe" in done else "")
            # ccd's own gin/ is lowest wherever it is included.
            + f"{HEAD}include 'gin/modules/first.gin'\nAblation.settings = 'recipes/settings'\n"
            + f"Ablation.variants = {{'v': [{', '.join(lists)}]}}\n"
        )
        found = load(
            text,
            dataset="layer.gin",
            with_files=["with.gin"],
            bindings=[titled("set").strip()] if "set" in done else [],
        )
        assert found.graphs["v"].root["title"].value == name


def test_with_goes_over_modules_and_under_the_variants_own(load, project):
    (project / "gin/modules/none.gin").write_text("DemoExperiment.losses = ()\n")
    text = (
        f"{HEAD}Ablation.variants = {{'v': ['losses', 'DemoExperiment.losses = (@demo_bpr,)']}}\n"
    )
    only_module = text.replace(", 'DemoExperiment.losses = (@demo_bpr,)'", "")
    with_none = {"with_files": ["gin/modules/none.gin"]}
    assert load(only_module, **with_none).graphs["v"].root["losses"].value == ()
    assert len(load(text, **with_none).graphs["v"].root["losses"].value) == 1


def test_a_variants_list_is_read_in_its_order(load, project):
    (project / "recipes/near.gin").write_text("DemoExperiment.width = 4\n")
    text = f"{HEAD}Ablation.variants = {{'v': [%s]}}\n"
    for items, width in [
        ("'near.gin', 'DemoExperiment.width = 5'", 5),
        ("'DemoExperiment.width = 5', 'near.gin'", 4),
    ]:
        assert load(text % items).graphs["v"].root["width"].value == width


def test_a_recipe_that_fills_the_slot_of_a_listed_module_is_refused(load):
    """Otherwise 'base+dma' would be called so and be something else."""
    variants = "Ablation.variants = {'base': [], 'base+dma': ['dma']}\n"
    text = f"{HEAD}DemoExperiment.diffusion = None\n"
    with pytest.raises(ConfigError) as caught:
        load(text + variants)
    message = str(caught.value)
    assert "variant 'base+dma' lists a module for DemoExperiment.diffusion" in message
    assert "gin/modules/dma.gin:1" in message
    assert "own.gin:3" in message
    # The same part is no contradiction, nor is a list that says itself what it wants.
    same = text.replace("None", "@demo_diffusion")
    assert load(same + variants).graphs["base"].root["diffusion"].value is not None
    text = f"{HEAD}DemoExperiment.diffusion = @x/demo_diffusion\nx/demo_diffusion.steps = 3\n"
    variants = "Ablation.variants = {'c': ['dma', 'DemoExperiment.diffusion = None'], 'd': []}\n"
    assert load(text + variants).graphs["c"].root["diffusion"].value is None


def test_a_recipe_may_use_a_macro_that_an_option_defines(load):
    text = f"{HEAD}DemoExperiment.width = %WIDTH\n"
    assert load(text, bindings=["WIDTH = 4"]).graphs["own"].root["width"].value == 4
