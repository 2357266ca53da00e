"""Curriculum Conditioned Diffusion for Multimodal Recommendation, as a declarative config graph.

``ccd.run(recipe)`` trains and compares the variants of a recipe, ``ccd.load_recipe(recipe)`` gives
its checked config graphs, and ``ccd.component(family)`` registers a part of your own.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "run": "ccd.ablation",
    "RunResults": "ccd.ablation",
    "load_recipe": "ccd.config.recipe",
    "component": "ccd.registry",
    "CcdError": "ccd.errors",
}
__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    # Looked up on first use: 'import ccd' and 'ccd --help' need not wait for torch.
    if name not in _HOMES:
        raise AttributeError(f"module 'ccd' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
