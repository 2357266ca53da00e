"""Which settings make a run what it is, and which only say how it is computed.

A setting says so where it is declared: ``Annotated[NonNegativeInt, HOW_IT_RUNS]``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ccd.config.annotations import parts
from ccd.config.graph import ConfigGraph, Node
from ccd.config.text import value_text
from ccd.settings import HowItRuns


@dataclass(frozen=True)
class Settings:
    """All settings of a variant: ``scope/Component.parameter`` to its gin text.

    Attributes:
        identity: Those that make it what it is: two runs that agree in them, in the content of
            their data and in their seed are the same run.
        how: Those that cannot change what is learned: device, threads, sizes of blocks.
    """

    identity: dict[str, str] = field(default_factory=dict)
    how: dict[str, str] = field(default_factory=dict)


def settings_of(graph: ConfigGraph) -> Settings:
    """Every setting that ``graph`` reaches, told apart.

    What lies below a component in a marked slot, such as the probe, is marked with it, unless an
    unmarked slot holds the same component.
    """
    found = Settings()
    _collect(graph.root, False, found)
    for key in found.identity:
        found.how.pop(key, None)
    return found


def is_how_it_runs(annotation: Any) -> bool:
    """Whether the setting with this annotation cannot change what is learned."""
    return any(isinstance(part, HowItRuns) for part in parts(annotation))


def _collect(node: Node, below_marked: bool, found: Settings) -> None:
    for parameter in node.parameters:
        annotation = node.component.settings[parameter.name].annotation
        marked = below_marked or is_how_it_runs(annotation)
        kind = found.how if marked else found.identity
        kind[f"{node.key}.{parameter.name}"] = value_text(parameter.value)
        for child in parameter.children:
            _collect(child, marked, found)
