"""Every recipe loads, checks and builds."""

import pytest

from ccd.config.files import ccd_root
from ccd.config.recipe import load_recipe
from ccd.registry import components

RECIPES = sorted((ccd_root() / "recipes").glob("*.gin"))
DATASETS = sorted((ccd_root() / "gin" / "datasets").glob("*.gin"))
PRESETS = sorted((ccd_root() / "gin" / "presets").glob("*.gin"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
@pytest.mark.parametrize("dataset", [None, *DATASETS], ids=lambda p: getattr(p, "stem", "default"))
def test_loads_and_builds_with_every_data_set(path, dataset):
    recipe = load_recipe(path, dataset=dataset and dataset.stem)
    assert recipe.dataset == (dataset.stem if dataset else "planted")
    for graph in recipe.graphs.values():
        graph.factory()()


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_sums_name_their_modules(path):
    """A variant called base+DMA+NDI adds exactly the modules dma and ndi to the baseline."""
    recipe = load_recipe(path)
    for name in recipe.variants:
        modules = name.split("+")[1:]
        if not modules:
            continue
        root_node = recipe.graphs[name].root
        assert (root_node["aligner"].value is not None) == ("DMA" in modules)
        assert (root_node["pools"].value is not None) == ("NDI" in modules)
        curriculum = getattr(root_node["sampler"].value, "key", "")
        assert (curriculum == "CurricularSampler") == ("CNS" in modules)


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_the_header_says_how_to_run_it(path):
    assert f"ccd run recipes/{path.name}" in path.read_text()


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.stem)
def test_presets_set_every_point_of_the_method(preset):
    recipe = load_recipe("recipes/ablation_freedom.gin", with_files=[preset])
    families = {"aligner", "diffusion", "pools", "sampler", "losses", "projector", "item_graph"}
    slots = {"curriculum", "estimator", "fusion", "betas", "diffusion"}
    for node in recipe.graphs["FREEDOM+DMA+NDI+CNS"].nodes():
        if node.component.family not in families:
            continue
        unset = [
            p.name
            for p in node.parameters
            if p.origin is None and p.name not in slots | {"precomputed"}
        ]
        assert not unset, f"{preset.name} leaves {node.key}.{unset} open"


def test_every_schedule_and_curriculum_has_a_variant():
    for family, recipe, key in [
        ("noise_schedule", "noise_schedules_freedom", "GaussianDiffusion"),
        ("curriculum", "curricula_freedom", "CurricularSampler"),
    ]:
        graphs = load_recipe(f"recipes/{recipe}.gin").graphs.values()
        used = {node.component.name for graph in graphs for node in graph.nodes()}
        assert {c.name for c in components(family)} <= used, key


def test_swapping_a_part_keeps_the_recipes_settings_of_the_old_one_legal():
    graphs = load_recipe(
        "recipes/ablation_freedom.gin", bindings=["CurricularSampler.curriculum = @final_only"]
    ).graphs
    names = {node.component.name for node in graphs["FREEDOM+DMA+NDI+CNS"].nodes()}
    assert "final_only" in names
    assert "step_curriculum" not in names
