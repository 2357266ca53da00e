from __future__ import annotations

import io

import pytest
from rich.console import Console

from ccd.config.render import render


def drawn(recipe, width: int) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(render(recipe))
    return stream.getvalue()


@pytest.mark.parametrize("width", [60, 160])
def test_tree_shows_values_origins_and_differences(load, width):
    text = drawn(load(), width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "\x1b" not in text
    assert "seed = 7  gin/base.gin:3 (%SEED from gin/base.gin:1)" in text
    assert "plain = 3  default" in text
    assert "diffusion differs" in text
    assert "None  default  in base" in text
    assert "What the 3 variants differ in" in text


def test_one_variant_has_no_differences(load):
    text = drawn(load(only=["all"]), 100)
    assert "differ" not in text
    assert "betas = @demo_cosine  recipes/ablation.gin:4 (variant 'all')" in text
    assert "demo_linear" not in text


def test_long_values_are_folded_not_cut(load):
    title = "long" * 60
    text = drawn(load(bindings=[f"DemoExperiment.title = '{title}'"]), 60)
    assert "".join(c for c in text if c in "long").count(title) == 1
    assert "..." not in text
