"""The config graph: gin text in, checked and immutable graphs of components out."""

from ccd.config.ablation import Ablation
from ccd.config.archive import to_gin
from ccd.config.graph import ConfigGraph, Node, Parameter
from ccd.config.recipe import Recipe, load_recipe

__all__ = ["Ablation", "ConfigGraph", "Node", "Parameter", "Recipe", "load_recipe", "to_gin"]
