"""One component on its own, wired as every recipe wires it."""

from __future__ import annotations

from collections.abc import Sequence

from ccd.config.checks import check_names, check_used
from ccd.config.files import find_file
from ccd.config.graph import ConfigGraph
from ccd.config.language import read_bindings, read_file
from ccd.config.origin import Origin
from ccd.config.problems import Problems
from ccd.config.resolve import check_values, resolve


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
    path = find_file("gin/base.gin")
    layer = read_file(path)
    added = read_bindings([(text, Origin("--set", text=text)) for text in bindings])
    layer += added
    problems = Problems()
    check_names(layer, problems)
    problems.raise_if_any()
    check_values(added, layer, problems)
    problems.raise_if_any()
    graph = resolve(layer, name, Origin(name), problems)
    problems.raise_if_any()
    check_used([(added, list(graph.nodes()))], problems)
    problems.raise_if_any()
    return graph
