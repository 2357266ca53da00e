from __future__ import annotations

import threading

import pytest

from ccd.config import Ablation, load_recipe
from ccd.errors import ConfigError

HEAD = "include 'gin/base.gin'\ninclude 'gin/datasets/small.gin'\n"


def test_variants_baseline_seeds_and_dataset(load):
    recipe = load()
    assert recipe.name == "ablation"
    assert recipe.variants == ("base", "base+dma", "all")
    assert (recipe.baseline, recipe.seeds, recipe.dataset) == ("base", (1, 2), "small")
    assert recipe.graphs["base"].root["diffusion"].value is None
    betas = recipe.graphs["all"].root["diffusion"].value["betas"]
    assert betas.value.component.name == "demo_cosine"
    assert str(betas.origin) == "recipes/ablation.gin:4 (variant 'all')"


def test_a_recipe_without_variants_is_one_variant(load):
    recipe = load(HEAD)
    assert recipe.variants == ("own",)
    assert (recipe.baseline, recipe.seeds) == (None, (999,))


@pytest.mark.parametrize(
    "winner",
    [
        {"bindings": ["DemoExperiment.width = 3"]},
        {"more": "Ablation.variants = {'v': ['DemoExperiment.width = 3']}\n"},
        {"with_files": ["gin/modules/wide.gin"]},
    ],
)
def test_values_that_lose_are_checked_too(load, project, winner):
    (project / "gin/modules/wide.gin").write_text("DemoExperiment.width = 3\n")
    more = winner.pop("more", "")
    with pytest.raises(ConfigError, match=r"width must be int >= 1.*got 'many'\n.*own\.gin:3"):
        load(f"{HEAD}DemoExperiment.width = 'many'\n{more}", **winner)


def test_a_dataset_without_a_name_goes_by_its_component(load):
    assert load("DemoExperiment.dataset = @demo_world\n").dataset == "demo_world"


def test_dataset_can_be_a_file(load, project):
    (project / "mine.gin").write_text("demo_files.name = 'mine'\n")
    assert load(HEAD, dataset="mine.gin").dataset == "mine"


def test_variants_take_files_next_to_the_recipe(load, project):
    (project / "recipes/near.gin").write_text("DemoExperiment.width = 4\n")
    recipe = load(f"{HEAD}Ablation.variants = {{'v': ['near.gin', 'gin/modules/dma.gin']}}\n")
    assert recipe.graphs["v"].root["width"].value == 4
    assert recipe.graphs["v"].root["diffusion"].value is not None


def test_only_selects_and_keeps_the_whole_recipe(load):
    recipe = load(only=["all", "base+dma"])
    assert recipe.selected == tuple(recipe.selected_graphs) == ("base+dma", "all")
    assert recipe.variants == ("base", "base+dma", "all")
    assert recipe.baseline == "base"
    assert recipe.graphs == load().graphs
    assert load().selected == load().variants


def test_ccds_own_recipes_are_found_from_anywhere(load, project, monkeypatch):
    (project / "elsewhere").mkdir()
    monkeypatch.chdir(project / "elsewhere")
    assert load().name == "ablation"


@pytest.mark.parametrize(
    ("text", "options", "parts"),
    [
        (None, {"dataset": "smal"}, ["did you mean small?", "large, small"]),
        (None, {"only": ["base+dm"]}, ["did you mean base+dma?", "variants: base, base+dma, all"]),
        (None, {"with_files": ["gin/modules/dmaa.gin"]}, ["did you mean 'gin/modules/dma.gin'?"]),
        ("Ablation.variants = {'v': ['dmaa']}", {}, ["own.gin:3 (variant 'v')", "mean dma?"]),
        ("Ablation.variants = {'v': ['x.gin']}", {}, ["own.gin:3 (variant 'v')", "'x.gin'"]),
        ("Ablation.variants = {'v': ['A.x = y']}", {}, ["(variant 'v')", "write A.x = 'y'"]),
        ("Ablation.variants = {'v': ['SEED=1', 'SEED=2']}", {}, ["SEED is bound twice"]),
        ("Ablation.variants = {'v': ['Ablation.seeds = (1,)']}", {}, ["belongs to the whole"]),
        ("Ablation.variants = {'v': 'dma'}", {}, ["own.gin:3", "got {'v': 'dma'}"]),
        ("Ablation.settings = 'nowhere'", {}, ["own.gin:3", "no folder 'nowhere'"]),
        ("Ablation.baseline = 'other'", {}, ["own.gin:3", "no variant 'other'", "variants: own"]),
        ("Ablation.seeds = (1, 1)", {}, ["own.gin:3", "distinct seeds, got (1, 1)"]),
        ("Ablation.seeds = ()", {}, ["own.gin:3", "(not empty)"]),
        ("Ablation.seeds = (-1,)", {}, ["own.gin:3", "int >= 0"]),
        (
            "",
            {"bindings": ["Ablation.seeds = (9223372036854775808,)"]},
            ["--set", "seeds must be a whole number up to 2147483647, got (9223372036854775808,)"],
        ),
    ],
)
def test_wrong_choices_are_refused(load, text, options, parts):
    with pytest.raises(ConfigError) as caught:
        load(None if text is None else f"{HEAD}{text}\n", **options)
    for part in parts:
        assert part in str(caught.value)


def test_missing_recipe_suggests_the_nearest(project):
    with pytest.raises(ConfigError, match=r"did you mean 'recipes/ablation\.gin'\?"):
        load_recipe("recipes/ablatoin.gin", root="DemoExperiment")


def test_a_binding_must_work_in_the_variant_that_holds_it(load):
    text = f"{HEAD}Ablation.variants = {{'a': ['demo_diffusion.steps = 3'], 'b': ['dma']}}\n"
    with pytest.raises(ConfigError, match=r"demo_diffusion\.steps is bound but never used"):
        load(text)


def test_threads_do_not_see_one_another(load):
    found: dict[int, int] = {}

    def work(seed: int) -> None:
        recipe = load_recipe(
            "recipes/ablation.gin", root="DemoExperiment", bindings=[f"SEED = {seed}"]
        )
        found[seed] = recipe.graphs["base"].root["seed"].value

    load()
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {seed: seed for seed in range(8)}


def test_ablation_from_python_has_empty_defaults():
    ablation = Ablation()
    assert (ablation.variants, ablation.settings, ablation.seeds) == ({}, None, (999,))
