"""The one way from statements to checked graphs, for recipes, data sets and single parts alike.

Files and texts are read (``ccd.config.language``), then names are checked, then values, then the
graphs are resolved, then statements without effect are refused. Each stage reports all its mistakes
together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ccd.config.checks import check_names, check_used
from ccd.config.graph import ConfigGraph, Node
from ccd.config.language import Layer
from ccd.config.origin import Origin
from ccd.config.problems import Problems
from ccd.config.resolve import check_values, resolve


def load_graphs(
    layers: Mapping[str, Layer],
    root: str,
    origin: Origin,
    *,
    beside: Sequence[Node] = (),
    swapped: Sequence[Layer] = (),
) -> dict[str, ConfigGraph]:
    """One checked graph per layer.

    Args:
        layers: Name to the statements that make the graph.
        root: Key of the component at the top of each graph.
        origin: Named where the root itself lacks a value.
        beside: Nodes outside the graphs in which a statement may have its effect too.
        swapped: Statements of graphs that will not be built, in which a statement may have its
            effect too.

    Raises:
        ConfigError: Anything is wrong; the message has all mistakes of a stage.
    """
    sketched = sketch(swapped, root, origin)
    problems = _checked_names(layers.values())
    for layer in layers.values():
        check_values(layer, layer, problems)
    graphs = {name: resolve(layer, root, origin, problems) for name, layer in layers.items()}
    problems.raise_if_any()
    check_used(
        [(layers[name], [*graph.nodes(), *beside]) for name, graph in graphs.items()],
        problems,
        swapped=[
            (layer, list(graph.nodes())) for layer, graph in zip(swapped, sketched, strict=True)
        ],
    )
    problems.raise_if_any()
    return graphs


def load_graph(
    layer: Layer, root: str, origin: Origin, *, beside: Sequence[Node] = ()
) -> ConfigGraph:
    """``load_graphs`` for one layer."""
    return load_graphs({root: layer}, root, origin, beside=beside)[root]


def sketch(layers: Sequence[Layer], root: str, origin: Origin) -> list[ConfigGraph]:
    """The graphs as far as the statements go: to look at, not to build.

    What does not fit or is missing is for ``load_graphs`` to say.

    Raises:
        ConfigError: A statement names something that does not exist.
    """
    _checked_names(layers)
    return [resolve(layer, root, origin, Problems()) for layer in layers]


def _checked_names(layers: Iterable[Layer]) -> Problems:
    problems = Problems()
    for layer in layers:
        check_names(layer, problems)
    problems.raise_if_any()
    return problems
