"""Every recipe loads, checks, builds and assembles."""

import re

import pytest

from ccd.analysis.paper import load_paper
from ccd.config.files import ccd_root
from ccd.config.recipe import load_recipe
from ccd.registry import components

SETTINGS = ccd_root() / "recipes" / "settings"
RECIPES = sorted(
    path for path in (ccd_root() / "recipes").rglob("*.gin") if SETTINGS not in path.parents
)
DATASETS = sorted((ccd_root() / "gin" / "datasets").glob("*.gin"))
PRESETS = sorted((ccd_root() / "gin" / "presets").glob("*.gin"))
SMALL = [
    "planted_world.n_users = 80",
    "planted_world.n_items = 150",
    "planted_world.n_clusters = 8",
    "planted_world.affinity = 4.0",
]
SAMPLERS = {
    "DNS": "DNSSampler",
    "MixGCF": "MixGCFSampler",
    "RealHNS": "RealHNSSingleDomainSampler",
    "CNS": "CurricularSampler",
}


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
@pytest.mark.parametrize("dataset", [None, *DATASETS], ids=lambda p: getattr(p, "stem", "default"))
def test_loads_and_builds_with_every_data_set(path, dataset):
    recipe = load_recipe(path, dataset=dataset and dataset.stem)
    assert recipe.dataset == (dataset.stem if dataset else "planted")
    for graph in recipe.graphs.values():
        graph.factory()()


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_every_variant_assembles(path, tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))
    graphs = load_recipe(path, bindings=SMALL).graphs
    dataset = next(iter(graphs.values())).root["dataset"].value.factory()([])
    for graph in graphs.values():
        graph.factory()().assemble(dataset, seed=0)


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_what_a_data_set_needs_is_written_in_one_place(path):
    origins = {
        str(parameter.origin)
        for graph in load_recipe(path).graphs.values()
        for node in graph.nodes()
        for parameter in node.parameters
        if node.component.name == "Trainer" and parameter.name == "epochs"
    }
    assert origins == {"recipes/settings/planted.gin:5"}


def test_settings_are_for_ccds_own_data_sets():
    named = {path.relative_to(SETTINGS).parts[0] for path in SETTINGS.rglob("*.gin")}
    assert {name.removesuffix(".gin") for name in named} == {path.stem for path in DATASETS}


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
        sampler = getattr(root_node["sampler"].value, "key", "")
        # In a softmax the sampler of the same part is the one whose negatives a batch shares.
        kind = "Shared" if "softmax" in modules else ""
        known = {f"{kind}{name}" for name in SAMPLERS.values()}
        named = [f"{kind}{SAMPLERS[module]}" for module in modules if module in SAMPLERS]
        assert ([sampler] if sampler in known else []) == named


@pytest.mark.parametrize(
    ("recipe", "dataset", "others"),
    [("table2", "sports", set()), ("table3", "baby", {"BPR-MF", "LightGCN", "MMGCN", "SLMRec"})],
)
def test_tables_have_the_papers_rows_and_ccdrec_its_parts(recipe, dataset, others):
    on = {p.stem: load_recipe(f"recipes/{recipe}.gin", dataset=str(p)).graphs for p in DATASETS}
    graphs = on["planted"]
    rows = set(load_paper().values[dataset]) - others
    if recipe == "table3":
        rows -= {row for row in rows if "MCDRec" in row or row == "BM3"}
    assert set(graphs) == rows
    for name, graph in graphs.items():
        base = name.partition("(")[2].rstrip(")")
        if not base:
            continue
        assert graph.root["aligner"].value.key == "DiffusionAligner"
        assert graph.root["pools"].value.key == "DiffusionPools"
        assert graph.root["sampler"].value.key == "CurricularSampler"
        for tuned in on.values():  # a gain must not be the optimiser's
            for part in ("backbone", "trainer"):
                assert tuned[name].root[part].value == tuned[base].root[part].value


@pytest.mark.parametrize("dataset", [p.stem for p in DATASETS])
def test_table_3_repeats_rows_of_table_2(dataset):
    second, third = (
        load_recipe(f"recipes/{name}.gin", dataset=dataset).graphs for name in ("table2", "table3")
    )
    shared = second.keys() & third.keys()
    assert len(shared) == 6
    for name in shared:
        assert second[name] == third[name], name


@pytest.mark.parametrize("dataset", [p.stem for p in DATASETS])
@pytest.mark.parametrize("name", ["freedom", "lattice", "mg"])
def test_ablations_end_at_ccdrec_of_table_2(name, dataset):
    ablation = load_recipe(f"recipes/ablation_{name}.gin", dataset=dataset)
    rows = load_recipe("recipes/table2.gin", dataset=dataset).graphs
    first, *_, last = ablation.variants
    assert first == ablation.baseline == name.upper()
    assert load_paper().row_of(last, "baby") == f"CCDRec({first})"
    assert ablation.graphs[first] == rows[first]
    assert ablation.graphs[last] == rows[f"CCDRec({first})"]


def test_any_single_backbone_can_be_picked():
    graphs = load_recipe("recipes/backbones.gin").graphs
    held = {graph.root["backbone"].value.component.name for graph in graphs.values()}
    # ScoreFile is no system: its lists are of any, and ccd import-results wires it.
    assert {component.name for component in components("backbone")} == held | {"ScoreFile"}
    files = {path.stem for path in (ccd_root() / "gin" / "backbones").glob("*.gin")}
    text = (ccd_root() / "recipes" / "backbones.gin").read_text()
    assert all(f"gin/backbones/{stem}.gin" in text for stem in files)


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_the_header_says_how_to_run_it(path):
    name = path.relative_to(ccd_root()).as_posix()
    assert re.search(rf"ccd run +{re.escape(name)}\b", path.read_text())


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.stem)
def test_presets_set_every_point_of_the_method(preset):
    recipe = load_recipe("recipes/ablation_freedom.gin", with_files=[preset])
    families = {"aligner", "diffusion", "pools", "sampler", "losses", "projector", "item_graph"}
    slots = {"curriculum", "estimator", "fusion", "betas", "diffusion", "search"}
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
