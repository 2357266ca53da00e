"""Settings files: which of them a recipe takes, and what they may not say."""

from __future__ import annotations

import pytest

from ccd.errors import ConfigError

HEAD = (
    "include 'gin/base.gin'\ninclude 'gin/datasets/small.gin'\n"
    "Ablation.settings = 'recipes/settings'\n"
)


@pytest.fixture
def write(project):
    """Write files by their path in the project."""

    def write_files(files: dict[str, str]) -> None:
        for name, text in files.items():
            path = project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    write_files({"recipes/settings/large.gin": ""})
    return write_files


def test_they_follow_the_name_in_use(load, write):
    write({"recipes/settings/large.gin": "\n# why\nDemoExperiment.width = 9\n"})
    assert load(HEAD).graphs["own"].root["width"].value is None
    width = load(HEAD, dataset="large").graphs["own"].root["width"]
    assert (width.value, str(width.origin)) == (9, "recipes/settings/large.gin:3")
    renamed = load(HEAD, bindings=["demo_files.name = 'large'"])
    assert renamed.graphs["own"].root["width"].value == 9


def test_files_of_a_component_are_for_the_variants_that_hold_it(load, write):
    write(
        {
            "recipes/settings/large.gin": "DemoExperiment.width = 2\n",
            "recipes/settings/large/demo_diffusion.gin": (
                "DemoExperiment.width = 4\ndemo_diffusion.steps = 9\n"
            ),
            # In no variant: nothing to refuse.
            "recipes/settings/large/demo_cosine.gin": "demo_cosine.offset = 0.5\n",
        }
    )
    text = (
        f"{HEAD}Ablation.variants = {{\n"
        "  'a': [], 'b': ['dma'], 'c': ['dma', 'demo_diffusion.steps = 3'],\n"
        "}\n"
    )
    assert load(text).graphs["b"].root["width"].value is None
    roots = {name: graph.root for name, graph in load(text, dataset="large").graphs.items()}
    assert [root["width"].value for root in roots.values()] == [2, 4, 4]
    assert roots["b"]["diffusion"].value["steps"].value == 9
    assert roots["c"]["diffusion"].value["steps"].value == 3
    origin = roots["b"]["diffusion"].value["steps"].origin
    assert str(origin) == "recipes/settings/large/demo_diffusion.gin:2"
    swapped = load(text, dataset="large", bindings=["DemoExperiment.diffusion = None"])
    assert swapped.graphs["b"].root["width"].value == 2


def test_they_are_named_by_the_component_in_lower_case(load, write):
    write({"recipes/settings/small/demoexperiment.gin": "DemoExperiment.width = 6\n"})
    assert load(HEAD).graphs["own"].root["width"].value == 6


def test_without_the_setting_there_are_none(load, write):
    write({"recipes/settings/small.gin": "DemoExperiment.width = 9\n"})
    assert load(HEAD).graphs["own"].root["width"].value == 9
    for text in (HEAD.replace("'recipes/settings'", "None"), HEAD.rpartition("Ablation")[0]):
        assert load(text).graphs["own"].root["width"].value is None


def test_a_folder_of_ones_own_is_relative_to_the_recipe(load, write):
    write({"recipes/mine/small.gin": "DemoExperiment.width = 9\n"})
    own = HEAD.replace("recipes/settings", "mine")
    assert load(own).graphs["own"].root["width"].value == 9


def test_a_data_set_of_ones_own_has_them_beside_its_file(load, write):
    write(
        {
            "shop.gin": "DemoExperiment.dataset = @demo_files\ndemo_files.name = 'large'\n",
            "shop.settings.gin": "DemoExperiment.width = 5\nDemoExperiment.title = 'shop'\n",
            "shop.settings/demo_diffusion.gin": "demo_diffusion.steps = 8\n",
            # It goes by the name of a data set that ccd knows.
            "recipes/settings/large.gin": "DemoExperiment.width = 2\nDemoExperiment.plain = 4\n",
        }
    )
    text = f"{HEAD}Ablation.variants = {{'v': ['dma']}}\n"
    root = load(text, dataset="shop.gin").graphs["v"].root
    assert [root[name].value for name in ("width", "title", "plain")] == [5, "shop", 4]
    assert root["diffusion"].value["steps"].value == 8
    assert load(text, dataset="large").graphs["v"].root["width"].value == 2
    archived = text.replace("'recipes/settings'", "None")
    assert load(archived, dataset="shop.gin").graphs["v"].root["width"].value is None


def test_two_components_may_not_ask_for_the_same_setting(load, write):
    write(
        {
            "recipes/settings/small/demo_diffusion.gin": "DemoExperiment.width = 4\n",
            "recipes/settings/small/demo_bpr.gin": "DemoExperiment.width = 5\n",
        }
    )
    variants = "Ablation.variants = {'v': ['dma'%s]}\n"
    assert load(HEAD + variants % "").graphs["v"].root["width"].value == 4
    with pytest.raises(ConfigError) as caught:
        load(HEAD + variants % ", 'losses'")
    assert "DemoExperiment.width is bound twice" in str(caught.value)
    assert "small/demo_bpr.gin:1" in str(caught.value)
    assert "small/demo_diffusion.gin:1" in str(caught.value)


def test_those_not_in_use_may_refer_to_what_only_they_complete(load, write):
    """A component that a value names may get its required settings from elsewhere."""
    write(
        {
            "recipes/settings/large.gin": (
                "DemoExperiment.width = %WIDTH\nDemoExperiment.dataset = @own/demo_files\n"
                "DemoExperiment.losses = (@demo_bpr,)\n"
            )
        }
    )
    text = f"{HEAD}WIDTH = 4\nDemoExperiment.plain = %WIDTH\n"
    assert load(text).graphs["own"].root["width"].value is None


def test_data_sets_of_the_users_own_may_have_some(load, write):
    write({"recipes/settings/small-2018.gin": "", "recipes/settings/smalls/demo_bpr.gin": ""})
    assert load(HEAD, bindings=["demo_files.name = 'smalls'"]).dataset == "smalls"
    with pytest.raises(ConfigError, match="'smalls', which is no data set"):
        load(HEAD)


@pytest.mark.parametrize(
    ("name", "text", "parts"),
    [
        ("smal.gin", "", ["recipes/settings/smal", "mean 'small'?"]),
        ("smal/demo_bpr.gin", "", ["recipes/settings/smal", "mean 'small'?"]),
        ("x/demo_pbr.gin", "", ["settings/x/demo_pbr.gin", "mean demo_bpr.gin?"]),
        ("x/DemoExperiment.gin", "", ["DemoExperiment.gin", "mean demoexperiment.gin?"]),
        ("large.gin", "\nDemoExperiment.widht = 1", ["settings/large.gin:2", "did you mean width"]),
        ("large.gin", "DemoExperiment.width = 0", ["settings/large.gin:1", "int >= 1 | None"]),
        ("large.gin", "demo_diffusion.betas = @demo_bpr", ["large.gin:1", "takes a demo_schedule"]),
        ("large.gin", "demo_diffusion.steps = %STPES", ["large.gin:1", "no macro 'STPES'"]),
        ("large.gin", "DemoExperiment.width", ["large.gin:1", "cannot read this"]),
        (
            "large.gin",
            "Ablation.seeds = (1,)",
            ["large.gin:1", "whole recipe, not to one data set"],
        ),
        ("large/demo_bpr.gin", "DemoExperiment.width = 0", ["large/demo_bpr.gin:1", "got 0"]),
    ],
)
def test_mistakes_do_not_wait_for_their_data(load, write, name, text, parts):
    write({f"recipes/settings/{name}": f"{text}\n"})
    with pytest.raises(ConfigError) as caught:
        load(HEAD)
    for part in parts:
        assert part in str(caught.value)
