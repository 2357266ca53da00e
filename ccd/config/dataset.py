"""Load a data set's gin file on its own, without a recipe around it."""

from __future__ import annotations

from collections.abc import Sequence

from ccd.config.checks import check_names, check_used, missing_value
from ccd.config.files import find_file, find_module, shown
from ccd.config.graph import ConfigGraph, Node
from ccd.config.language import read_bindings, read_file
from ccd.config.origin import Origin
from ccd.config.problems import Problems
from ccd.config.resolve import check_values, resolve
from ccd.errors import ConfigError
from ccd.settings import REQUIRED


def load_dataset(
    name: str, *, bindings: Sequence[str] = (), allow_imports: Sequence[str] = ()
) -> ConfigGraph:
    """The checked config graph of the component that a data set's gin file puts into its slot.

    Args:
        name: Name of a file in ``gin/datasets`` or a path that ends in ``.gin``.
        bindings: Texts such as ``planted_world.n_users = 200``; they win.
        allow_imports: Python modules that the file may import.

    Raises:
        ConfigError: There is no such file, or something in it is wrong.
    """
    from ccd import catalogue

    catalogue.load()
    path = find_file(name) if name.endswith(".gin") else find_module("datasets", name)
    layer = read_file(path, allow_imports=tuple(allow_imports))
    added = read_bindings([(text, Origin("--set", text=text)) for text in bindings])
    layer += added
    problems = Problems()
    check_names(layer, problems)
    problems.raise_if_any()
    check_values(layer, layer, problems)
    problems.raise_if_any()
    origin = Origin(shown(path), path=path)
    # The experiment lacks all its other parts, so what it says of itself is not listened to.
    root = resolve(layer, "Experiment", origin, Problems()).root
    slot = root["dataset"]
    if not isinstance(slot.value, Node):
        raise ConfigError(
            "this file sets no data set",
            where=slot.origin or origin,
            keys=("Experiment.dataset",),
            hint="write Experiment.dataset = @mmrec_dataset, as in gin/datasets/baby.gin",
        )
    graph = ConfigGraph(slot.value)
    for node in graph.nodes():
        for parameter in node.parameters:
            if parameter.value is REQUIRED:
                setting = node.component.settings[parameter.name]
                problems.add(missing_value(node.component, setting, slot.origin))
    problems.raise_if_any()
    check_used([(added, [root, *graph.nodes()])], problems)
    problems.raise_if_any()
    return graph
