from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccd.config import load_recipe, to_gin
from ccd.config.language import read_bindings
from ccd.config.origin import Origin
from ccd.config.text import flat_settings, value_text

HEAD = "include 'gin/base.gin'\ninclude 'gin/datasets/small.gin'\n"
SCOPED = (
    f"{HEAD}Ablation.variants = {{\n"
    "  'plain': ['dma', 'demo_diffusion.steps = 5'],\n"
    "  'scoped': ['DemoExperiment.diffusion = @own/demo_diffusion'],\n"
    "  'both': ['dma', 'DemoExperiment.losses = (@demo_bpr, @b/demo_bpr)',\n"
    "           'b/demo_bpr.weight = 2.0'],\n"
    "}\nDemoExperiment.title = 'it\\'s \"so\" # no comment'\n"
)


@pytest.mark.parametrize("defaults", [True, False])
@pytest.mark.parametrize("text", [None, HEAD, SCOPED], ids=["ablation", "single", "scoped"])
def test_written_text_loads_to_the_same_graphs(load, project, text, defaults):
    recipe = load(text)
    (project / "written.gin").write_text(to_gin(recipe, defaults=defaults))
    again = load_recipe("written.gin", root="DemoExperiment")
    assert again.graphs == recipe.graphs
    assert (again.baseline, again.seeds, again.dataset) == (
        recipe.baseline,
        recipe.seeds,
        recipe.dataset,
    )
    assert "include" not in to_gin(recipe, defaults=defaults)
    assert "loads without any other file" in to_gin(recipe, defaults=defaults)


def test_shared_values_stand_once_with_their_origin(load):
    text = to_gin(load(), defaults=False)
    assert text.count("demo_files:") == 1
    assert text.count("  steps = 40  # recipes/ablation.gin:11\n") == 1
    assert (
        "'demo_diffusion.betas = @demo_cosine',  # recipes/ablation.gin:4 (variant 'all')" in text
    )
    assert "plain" not in text
    assert "  plain = 3  # default\n" in to_gin(load(), defaults=True)


literals = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(literals)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_gin_reads_back_what_was_written(value):
    layer = read_bindings([(f"A.x = {value_text(value)}", Origin("--set"))])
    assert layer.bindings[0].value == value


def test_what_gin_cannot_say_is_refused():
    with pytest.raises(TypeError, match="not a gin literal"):
        value_text({1, 2})


def test_flat_settings_name_every_parameter_by_scope(load):
    flat = flat_settings(load(SCOPED).graphs["both"])
    assert flat["demo_bpr.weight"] == "1.0"
    assert flat["b/demo_bpr.weight"] == "2.0"
    assert flat["DemoExperiment.losses"] == "(@demo_bpr, @b/demo_bpr)"
