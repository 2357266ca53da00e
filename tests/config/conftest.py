"""A project in a temporary folder: ``gin/`` and ``recipes/`` as ccd's root, and a recipe writer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ccd.config import Recipe, files, load_recipe
from tests.config import parts

FILES = {
    "gin/base.gin": (
        "SEED = 7\n"
        "DemoExperiment:\n"
        "  seed = %SEED\n"
        "demo_diffusion.betas = @demo_linear\n"
        "demo_denoising.norm = 'l1'\n"  # wiring for whoever needs it
    ),
    "gin/datasets/small.gin": ("DemoExperiment.dataset = @demo_files\ndemo_files.name = 'small'\n"),
    "gin/datasets/large.gin": ("DemoExperiment.dataset = @demo_files\ndemo_files.name = 'large'\n"),
    "gin/modules/dma.gin": "DemoExperiment.diffusion = @demo_diffusion\n",
    "gin/modules/losses.gin": "DemoExperiment.losses = (@demo_bpr, @demo_denoising)\n",
    "recipes/ablation.gin": (
        "include 'gin/base.gin'\n"
        "include 'gin/datasets/small.gin'\n"
        "Ablation:\n"
        "  variants = {\n"
        "      'base':     [],\n"
        "      'base+dma': ['dma'],\n"
        "      'all':      ['dma', 'losses', 'demo_diffusion.betas = @demo_cosine'],\n"
        "  }\n"
        "  baseline = 'base'\n"
        "  seeds = (1, 2)\n"
        "demo_diffusion.steps = 40\n"
    ),
}


def make_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ccd's root in a temporary folder, which is also the current one."""
    assert parts.DemoExperiment
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(files, "ccd_root", lambda: tmp_path)
    monkeypatch.setattr("ccd.catalogue.load", lambda: None)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``make_project`` for the tests of ``ccd.config``."""
    return make_project(tmp_path, monkeypatch)


@pytest.fixture
def load(project: Path) -> Callable[..., Recipe]:
    """Write a recipe's text as ``recipes/own.gin`` and load it; None loads the ablation."""

    def load_text(text: str | None = None, **options: Any) -> Recipe:
        name = "recipes/ablation.gin" if text is None else "recipes/own.gin"
        if text is not None:
            (project / name).write_text(text)
        return load_recipe(name, root="DemoExperiment", **options)

    return load_text
