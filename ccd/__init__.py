"""Curriculum Conditioned Diffusion for Multimodal Recommendation, as a declarative config graph.

``ccd.run(recipe)`` trains and compares the variants of a recipe, and ``ccd.load_run(folder)`` opens
what it left; ``ccd.plot``, ``ccd.recommend``, ``ccd.similar`` and ``ccd.explain`` use that.
``ccd.data.import_(events, folder)`` makes a data set of your own events.
``ccd.load_recipe(recipe)`` gives the checked config graphs of a recipe, and
``ccd.component(family)`` registers a part of your own.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "run": "ccd.ablation",
    "import_results": "ccd.score_import",
    "load_run": "ccd.finished.results",
    "plot": "ccd.figures.plots",
    "recommend": "ccd.finished.recommendations",
    "similar": "ccd.finished.similar",
    "explain": "ccd.finished.explanation",
    "RunResults": "ccd.finished.results",
    "load_recipe": "ccd.config.recipe",
    "component": "ccd.registry",
    "CcdError": "ccd.errors",
}
_MODULES = ("data",)
__all__ = [*_HOMES, *_MODULES, "__version__"]


def __getattr__(name: str) -> Any:
    # Looked up on first use: 'import ccd' and 'ccd --help' need not wait for torch.
    if name in _MODULES:
        return import_module(f"ccd.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'ccd' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
