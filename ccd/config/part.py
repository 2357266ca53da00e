"""One component on its own: wired as every recipe wires it, or as a finished run had it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ccd.config.files import find_included
from ccd.config.graph import ConfigGraph
from ccd.config.language import Layer, read_bindings, read_file
from ccd.config.origin import Origin
from ccd.config.pipeline import load_graph
from ccd.config.values import Reference, leaves
from ccd.errors import ConfigError
from ccd.registry import find


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


def load_slot(path: Path, slot: str, *, allow_imports: Sequence[str] = ()) -> ConfigGraph:
    """What one slot of an archived experiment holds, without the experiment's other parts.

    Whoever reads results needs the data set or the evaluator of a run, not its sampler, which may
    be a part of one's own. So modules that are not allowed are passed over.

    Args:
        path: A run's ``operative.gin``.
        slot: A setting of ``Experiment``, such as ``dataset``.
        allow_imports: Python modules that the file may import.

    Raises:
        ConfigError: The slot is not filled, or by a part that only an import brings.
    """
    from ccd import catalogue

    catalogue.load()
    layer = read_file(path, allow_imports=tuple(allow_imports), skip_imports=True)
    filled = [b for b in layer.bindings if b.key == f"Experiment.{slot}"]
    reference = filled[-1].value if filled else None
    if not isinstance(reference, Reference):
        raise ConfigError(f"this file does not fill Experiment.{slot}", where=path)
    names = {reference.name}
    while True:  # everything that the component names, and what that names in turn
        reached = [b for b in layer.bindings if b.component in names]
        found = {v.name for b in reached for v in leaves(b.value) if isinstance(v, Reference)}
        if found <= names:
            break
        names |= found
    for name in sorted(names):
        if find(name) is None:
            raise ConfigError(
                f"Experiment.{slot} needs '{name}', a part that this run imported",
                where=filled[-1].origin,
                keys=("--allow-import",),
                hint=f"add {' '.join(f'--allow-import {m}' for m in layer.imports)}",
            )
    scope = f"{reference.scope}/" if reference.scope else ""
    part = Layer(tuple(reached)).as_wiring()
    return load_graph(part, f"{scope}{reference.name}", filled[-1].origin)
