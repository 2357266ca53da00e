"""The data set of a recipe, or of a data set's gin file on its own."""

from __future__ import annotations

from collections.abc import Sequence

from ccd.config.files import find_dataset, shown
from ccd.config.graph import ConfigGraph, Node
from ccd.config.language import read_bindings, read_file
from ccd.config.origin import Origin
from ccd.config.pipeline import load_graph, sketch
from ccd.errors import ConfigError


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

    path = find_dataset(name)  # a wrong name is refused before torch is imported
    catalogue.load()
    origin = Origin(shown(path), path=path)
    # What the file says of other parts is for a recipe to use.
    layer = read_file(path, allow_imports=tuple(allow_imports)).as_wiring()
    layer += read_bindings([(text, Origin("--set", text=text)) for text in bindings])
    experiment = sketch([layer], "Experiment", origin)[0].root
    slot = experiment["dataset"]
    if not isinstance(slot.value, Node):
        raise ConfigError(
            "this file sets no data set",
            where=slot.origin or origin,
            keys=("Experiment.dataset",),
            hint="write Experiment.dataset = @mmrec_dataset, as in gin/datasets/baby.gin",
        )
    return load_graph(layer, slot.value.key, slot.origin or origin, beside=[experiment])


def dataset_name(graph: ConfigGraph) -> str | None:
    """Name of the data set in a graph: its setting ``name``, or else its component's name."""
    slot = next((p for p in graph.root.parameters if p.name == "dataset"), None)
    if slot is None or not isinstance(slot.value, Node):
        return None
    named = [p.value for p in slot.value.parameters if p.name == "name"]
    return named[0] if named and isinstance(named[0], str) else slot.value.component.name
