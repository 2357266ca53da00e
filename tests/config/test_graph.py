from __future__ import annotations

import dataclasses

import pytest

from ccd.errors import ConfigError


def test_nodes_come_depth_first(load):
    keys = [node.key for node in load(only=["all"]).graphs["all"].nodes()]
    assert keys == [
        "DemoExperiment",
        "demo_files",
        "demo_diffusion",
        "demo_cosine",
        "demo_bpr",
        "demo_denoising",
    ]


def test_factory_fills_settings_and_leaves_run_time_arguments(load):
    schedule = load().graphs["all"].root["diffusion"].value["betas"].value
    factory = schedule.factory()
    assert factory.func is schedule.component.target
    assert factory.keywords == {"offset": 0.008}
    assert factory(12) == ("demo_cosine", 12, 0.008)


def test_graph_builds_what_it_says(load):
    built = load().graphs["all"].factory()()
    assert built.diffusion == ("demo_diffusion", 40, ("demo_cosine", 40, 0.008))
    assert built.losses == (("demo_bpr", 1.0), ("demo_denoising", 1.0, "l1"))


def test_equality_is_about_values_not_about_who_set_them(load):
    head = "include 'gin/base.gin'\ninclude 'gin/datasets/small.gin'\n"
    bound = load(f"{head}DemoExperiment.plain = 3\n").graphs
    assert bound == load(head).graphs
    assert bound != load(f"{head}DemoExperiment.plain = 4\n").graphs


def test_graphs_cannot_be_changed(load):
    graph = load().graphs["base"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        graph.root.parameters[0].value = 1


def test_refusals_of_components_get_the_place_of_the_setting_they_name(load):
    unlucky = ["demo_diffusion.steps = 13"]
    with pytest.raises(ConfigError) as caught:
        load(only=["base+dma"], bindings=unlucky).graphs["base+dma"].factory()()
    # The default was bound nowhere, so there is no place to name.
    assert str(caught.value) == "demo_linear.start = 0.0001 is unlucky; choose other steps"
    bound = [*unlucky, "demo_linear.start = 0.5"]
    with pytest.raises(ConfigError) as caught:
        load(only=["base+dma"], bindings=bound).graphs["base+dma"].factory()()
    assert str(caught.value) == (
        "demo_linear.start = 0.5 is unlucky\n  --set    demo_linear.start = 0.5\n"
        "  choose other steps"
    )
