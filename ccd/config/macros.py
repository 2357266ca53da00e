"""Macros that contain themselves, or that would grow without end when they are replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ccd.config.language import Layer
from ccd.config.problems import Problems
from ccd.config.values import DEEPEST, Macro, leaves
from ccd.errors import ConfigError

LARGEST = 100_000
"""Values that the macros of all statements may stand for together.

Twenty macros that each name the one before ten times would fill any memory.
"""


@dataclass(frozen=True)
class _Extent:
    """How far a value reaches once its macros are replaced.

    Attributes:
        size: Single values in it.
        depth: Brackets and macros in each other.
    """

    size: int = 1
    depth: int = 0


def check_macros(layer: Layer, problems: Problems) -> None:
    """Refuse macros that contain themselves, lie too deep in each other, or stand for too much.

    Args:
        layer: Statements; macros that they name and that nothing sets are for others to refuse.
        problems: Receives what is wrong.
    """
    macros = {macro.key: macro for macro in layer.macros}
    named = {name: _named(macro.value) & macros.keys() for name, macro in macros.items()}
    try:
        order = list(TopologicalSorter(named).static_order())
    except CycleError as error:
        cycle: list[str] = error.args[1]
        loop = " -> ".join(reversed(cycle))
        where = [macros[name].origin for name in cycle[1:]]
        what = f"macro '{cycle[-1]}' contains itself: {loop}"
        problems.add(ConfigError(what, where=where, hint="give one of them a value of its own"))
        return
    extents: dict[str, _Extent] = {}
    for name in order:
        extents[name] = _extent(macros[name].value, extents)
        if extents[name].depth > DEEPEST:
            what = f"macro '{name}' leads through more than {DEEPEST} macros and brackets"
            hint = "name the value itself, or a macro that holds it"
            problems.add(ConfigError(what, where=macros[name].origin, hint=hint))
            return
    total = 0
    for binding in (*layer.bindings, *macros.values()):
        if any(isinstance(leaf, Macro) for leaf in leaves(binding.value)):
            total += _extent(binding.value, extents).size
        if total > LARGEST:
            what = f"the macros up to here stand for more than {LARGEST} values"
            hint = "write the values out, or name fewer macros in each other"
            problems.add(ConfigError(what, where=binding.origin, keys=(binding.key,), hint=hint))
            return


def _named(value: Any) -> set[str]:
    return {leaf.name for leaf in leaves(value) if isinstance(leaf, Macro)}


def _extent(value: Any, extents: Mapping[str, _Extent]) -> _Extent:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        inner = [_extent(item, extents) for item in value]
    elif isinstance(value, Macro):
        inner = [extents.get(value.name, _Extent())]
    else:
        return _Extent()
    return _Extent(sum(e.size for e in inner), 1 + max((e.depth for e in inner), default=0))
