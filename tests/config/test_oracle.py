"""Plain gin reads the same files and must build the same values."""

from __future__ import annotations

import gin
import pytest

from tests.config import parts

NAMES = (
    "demo_linear",
    "demo_cosine",
    "demo_diffusion",
    "demo_files",
    "demo_world",
    "demo_bpr",
    "demo_denoising",
    "DemoExperiment",
)

CASES = {
    "plain": "DemoExperiment.width = 3\n",
    "later binding wins": "include 'gin/modules/dma.gin'\nSEED = 8\ndemo_diffusion.steps = 9\n",
    "block": "DemoExperiment:\n  width = 3\n  losses = (@demo_bpr,)  # one\n  title = 'a' 'b'\n",
    "scopes": (
        "DemoExperiment.diffusion = @a/b/demo_diffusion\n"
        "a/demo_diffusion.steps = 2\na/b/demo_linear.end = 0.5\na/demo_linear.end = 0.25\n"
        "a/demo_linear.start = 0.125\ndemo_linear.start = 1.0\n"
    ),
    "replaced scope": (
        "DemoExperiment.diffusion = @a/demo_diffusion\n"
        "a/demo_diffusion.betas = @b/demo_linear\nb/demo_linear.end = 0.5\n"
    ),
    "nested macros": (
        "DemoExperiment.losses = %LOSSES\nLOSSES = (%FIRST, @demo_denoising)\n"
        "FIRST = @s/demo_bpr\ns/demo_bpr.weight = 2.5\nDemoExperiment.title = %TITLE\n"
        "TITLE = 'late'\n"
    ),
    "dict": "DemoExperiment.named_losses = {'x': @demo_bpr, 'y': @demo_denoising}\n",
}


@pytest.fixture(scope="module")
def oracle():
    """gin's own versions of the test parts, registered once."""
    return {name: gin.register(name, module="oracle")(getattr(parts, name)) for name in NAMES}


@pytest.mark.parametrize("case", CASES)
def test_equal_to_gin(load, oracle, case):
    text = f"include 'gin/base.gin'\ninclude 'gin/datasets/small.gin'\n{CASES[case]}"
    bindings = ["SEED = 11"]
    ours = load(text, bindings=bindings).graphs["own"].factory()()
    try:
        gin.parse_config_files_and_bindings(["recipes/own.gin"], bindings)
        theirs = gin.get_configurable("DemoExperiment")()
    finally:
        gin.clear_config()
    assert ours.as_tuple() == theirs.as_tuple()
