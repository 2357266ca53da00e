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


def test_each_layer_beats_the_one_before(load, project):
    setters = [
        ("recipe", {}),
        ("dataset", {"dataset": "layer"}),
        ("per_dataset", {}),
        ("module", {}),
        ("per_part", {}),
        ("with", {"with_files": ["with.gin"]}),
        ("variant", {}),
        ("set", {"bindings": ["DemoExperiment.title = 'set'"]}),
    ]
    dataset = "DemoExperiment.dataset = @demo_files\ndemo_files.name = 'layer'\n"
    (project / "gin/datasets/layer.gin").write_text(dataset + "DemoExperiment.title = 'dataset'\n")
    (project / "gin/modules/titled.gin").write_text("DemoExperiment.title = 'module'\n")
    (project / "with.gin").write_text("DemoExperiment.title = 'with'\n")
    options: dict = {}
    active: list[str] = []
    for name, added in setters:
        active.append(name)
        options |= added
        variant = ["titled"] if "module" in active else []
        variant += ["DemoExperiment.title = 'variant'"] if "variant" in active else []
        per = ["DemoExperiment.title = 'per_dataset'"] if "per_dataset" in active else []
        part = ["DemoExperiment.title = 'per_part'"] if "per_part" in active else []
        text = (
            f"{HEAD}DemoExperiment.title = 'recipe'\nAblation.variants = {{'v': {variant}}}\n"
            f"Ablation.per_dataset = {{'layer/DemoExperiment': {part}, 'layer': {per}}}\n"
        )
        assert load(text, **options).graphs["v"].root["title"].value == name


def test_per_dataset_follows_the_name_in_use(load):
    text = (
        f"{HEAD}Ablation.per_dataset = {{'large': ['dma', 'demo_diffusion.steps = 9']}}\n"
        "Ablation.variants = {'v': []}\n"
    )
    assert load(text).graphs["v"].root["diffusion"].value is None
    large = load(text, dataset="large")
    assert large.dataset == "large"
    assert large.graphs["v"].root["diffusion"].value["steps"].value == 9
    renamed = load(text, bindings=["demo_files.name = 'large'"])
    assert renamed.graphs["v"].root["diffusion"].value is not None


def test_per_dataset_lists_for_a_component_are_for_the_variants_that_hold_it(load):
    text = (
        f"{HEAD}Ablation.variants = {{\n"
        "  'a': [], 'b': ['dma'], 'c': ['dma', 'demo_diffusion.steps = 3'],\n"
        "}\n"
        "Ablation.per_dataset = {\n"
        "  'large/demo_diffusion': ['demo_diffusion.steps = 9', 'DemoExperiment.width = 4'],\n"
        "  'large/demo_cosine': ['demo_cosine.offset = 0.5'],\n"  # in no variant: nothing to refuse
        "}\n"
    )
    assert load(text).graphs["b"].root["width"].value is None
    roots = {name: graph.root for name, graph in load(text, dataset="large").graphs.items()}
    assert [root["width"].value for root in roots.values()] == [None, 4, 4]
    assert roots["b"]["diffusion"].value["steps"].value == 9
    assert roots["c"]["diffusion"].value["steps"].value == 3
    assert str(roots["b"]["width"].origin).endswith("(data set 'large/demo_diffusion')")
    swapped = load(text, dataset="large", bindings=["DemoExperiment.diffusion = None"])
    assert swapped.graphs["b"].root["width"].value is None


def test_a_recipe_adds_to_the_per_dataset_of_the_one_it_includes(load, project):
    (project / "recipes" / "shared.gin").write_text(
        f"{HEAD}Ablation.per_dataset = {{\n"
        "  'large': ['DemoExperiment.width = 4'], 'small': ['DemoExperiment.width = 2'],\n"
        "}\n"
    )
    text = (
        "include 'shared.gin'\n"
        "Ablation.per_dataset = {'small': ['DemoExperiment.width = 8'], 'mine': []}\n"
    )
    assert load(text, dataset="large").graphs["own"].root["width"].value == 4
    assert load(text, dataset="small").graphs["own"].root["width"].value == 8


def test_lines_of_the_recipe_file_replace_what_its_includes_list_for_a_data_set(load, project):
    (project / "recipes" / "shared.gin").write_text(
        f"{HEAD}DemoExperiment.title = 'included'\n"
        "Ablation.per_dataset = {\n"
        "  'small': ['DemoExperiment.width = 4', 'DemoExperiment.title = \"listed\"'],\n"
        "  'small/DemoExperiment': ['DemoExperiment.width = 5'],\n"
        "}\n"
    )
    text = "include 'shared.gin'\nDemoExperiment.width = 7\n"

    def root(more="", **options):
        return load(text + more, **options).graphs["own"].root

    # Listed for the data set: over the included lines, under the recipe file's own.
    assert root()["title"].value == "listed"
    assert root()["width"].value == 7
    assert str(root()["width"].origin) == "recipes/own.gin:2"
    # A list in the recipe file is more special than its plain lines.
    own = "Ablation.per_dataset = {'small': ['DemoExperiment.width = 8']}\n"
    assert root(own)["width"].value == 8
    assert str(root(own)["width"].origin) == "recipes/own.gin:3 (data set 'small')"
    # What is named on the command line is no include.
    (project / "with.gin").write_text(own.replace("8", "9"))
    assert root(with_files=["with.gin"])["width"].value == 9
    assert root(bindings=["DemoExperiment.width = 6"])["width"].value == 6


def test_a_list_is_said_to_stand_in_the_file_that_has_it(load, project):
    (project / "recipes" / "shared.gin").write_text(
        f"{HEAD}Ablation.per_dataset = {{'small': ['DemoExperiment.width = 4']}}\n"
    )
    text = "include 'shared.gin'\nAblation.per_dataset = {'large': []}\n"
    origin = load(text).graphs["own"].root["width"].origin
    assert str(origin) == "recipes/shared.gin:3 (data set 'small')"


@pytest.mark.parametrize(
    "winner",
    [
        {"bindings": ["DemoExperiment.width = 3"]},
        {"more": "Ablation.variants = {'v': ['DemoExperiment.width = 3']}\n"},
        {"more": "Ablation.per_dataset = {'small': ['DemoExperiment.width = 3']}\n"},
    ],
)
def test_values_that_lose_are_checked_too(load, winner):
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
        ("Ablation.per_dataset = {'x': ['dmaa']}", {}, ["own.gin:3 (data set 'x')", "mean dma?"]),
        ("Ablation.per_dataset = {'smal': []}", {}, ["own.gin:3", "'smal'", "mean 'small'?"]),
        ("Ablation.per_dataset = {'smal/demo_bpr': []}", {}, ["own.gin:3", "mean 'small'?"]),
        ("Ablation.per_dataset = {'large/': []}", {}, ["own.gin:3", "'large/'", "'DATASET'"]),
        ("Ablation.per_dataset = {'/demo_bpr': []}", {}, ["own.gin:3", "'/demo_bpr'"]),
        (
            "Ablation.per_dataset = {'x/demo_pbr': []}",
            {},
            ["own.gin:3", "'x/demo_pbr'", "no component is 'demo_pbr'", "did you mean demo_bpr?"],
        ),
        (
            "Ablation.per_dataset = {'large/demo_bpr': ['DemoExperiment.width = 0']}",
            {},
            ["own.gin:3 (data set 'large/demo_bpr')", "int >= 1 | None, got 0"],
        ),
        (
            "Ablation.per_dataset = {'large': ['DemoExperiment.widht = 1']}",
            {},
            ["own.gin:3 (data set 'large')", "did you mean width"],
        ),
        (
            "Ablation.per_dataset = {'large': ['DemoExperiment.width = 0']}",
            {},
            ["own.gin:3 (data set 'large')", "int >= 1 | None, got 0"],
        ),
        (
            "Ablation.per_dataset = {'large': ['demo_diffusion.betas = @demo_bpr']}",
            {},
            ["own.gin:3 (data set 'large')", "takes a demo_schedule, got @demo_bpr"],
        ),
        (
            "Ablation.per_dataset = {'large': ['demo_diffusion.steps = %STPES']}",
            {},
            ["own.gin:3 (data set 'large')", "no macro 'STPES'"],
        ),
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
    assert (ablation.variants, ablation.per_dataset, ablation.seeds) == ({}, {}, (999,))


def test_lists_of_data_sets_not_in_use_may_refer_to_what_only_they_complete(load):
    """A component that a value names may get its required settings from elsewhere."""
    text = (
        f"{HEAD}Ablation.per_dataset = {{'large': ['DemoExperiment.width = %WIDTH',\n"
        "  'DemoExperiment.dataset = @own/demo_files', 'DemoExperiment.losses = (@demo_bpr,)']}\n"
        "WIDTH = 4\nDemoExperiment.plain = %WIDTH\n"
    )
    assert load(text).graphs["own"].root["width"].value is None


def test_data_sets_of_the_users_own_may_have_lists(load):
    listed = "Ablation.per_dataset = {'small-2018': ['DemoExperiment.width = 4'], 'smalls': []}\n"
    named = ["demo_files.name = 'smalls'"]
    assert load(HEAD + listed, bindings=named).dataset == "smalls"
    with pytest.raises(ConfigError, match="'smalls'"):
        load(HEAD + listed)
