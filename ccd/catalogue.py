"""Imports every module that registers components, so that all names are known."""

from __future__ import annotations

from importlib import import_module

_MODULES = (
    "ccd.config.ablation",
    "ccd.datasets",
    "ccd.graphs.item_knn",
    "ccd.graphs.pruning",
    "ccd.backbones",
    "ccd.diffusion",
    "ccd.negatives",
    "ccd.losses",
    "ccd.evaluation",
    "ccd.training",
    "ccd.experiment",
    "ccd.search.settings",
    "ccd.statistics",
)


def load() -> None:
    """Fill the registry."""
    for module in _MODULES:
        import_module(module)
