"""One component on its own, wired as every recipe wires it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ccd.config.files import find_included
from ccd.config.graph import ConfigGraph
from ccd.config.language import read_bindings, read_file
from ccd.config.origin import Origin
from ccd.config.pipeline import load_graph


def load_part(name: str, *, bindings: Sequence[str] = ()) -> ConfigGraph:
    """The checked config graph of a component that no experiment holds, such as ``Comparison``.

    Args:
        name: The component.
        bindings: Texts such as ``Comparison.test = @t_test``; they win.

    Raises:
        ConfigError: A binding is wrong, or none of this component.
    """
    from ccd import catalogue

    catalogue.load()
    layer = read_file(find_included("gin/base.gin", Path()))
    layer += read_bindings([(text, Origin("--set", text=text)) for text in bindings])
    return load_graph(layer, name, Origin(name))
