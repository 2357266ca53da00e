"""Lay the graphs of all variants over one another: what is common, and what differs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ccd.config.graph import ConfigGraph, Node, Parameter
from ccd.config.origin import Origin
from ccd.config.text import value_text


@dataclass(frozen=True)
class Choice:
    """One value of a setting, and the variants that have it.

    Attributes:
        text: The value as gin writes it.
        origin: Where the first of these variants got it, or None for the default.
        variants: Names of the variants.
        children: The components that the value names.
    """

    text: str
    origin: Origin | None
    variants: tuple[str, ...]
    children: tuple[MergedNode, ...]


@dataclass(frozen=True)
class MergedSetting:
    """One setting of a component; more than one choice where variants differ."""

    name: str
    choices: tuple[Choice, ...]

    @property
    def differs(self) -> bool:
        """Whether variants disagree."""
        return len(self.choices) > 1


@dataclass(frozen=True)
class MergedNode:
    """A component with the settings of every variant that has it in this place."""

    node: Node
    settings: tuple[MergedSetting, ...]

    def walk(self) -> Iterator[MergedNode]:
        """This node and all below it, depth first."""
        yield self
        for setting in self.settings:
            for choice in setting.choices:
                for child in choice.children:
                    yield from child.walk()


def merge(graphs: dict[str, ConfigGraph]) -> MergedNode:
    """One tree of all variants; ``graphs`` has at least one."""
    return _merged({name: graph.root for name, graph in graphs.items()})


def _merged(nodes: dict[str, Node]) -> MergedNode:
    """``nodes`` are the same component, in the same place of several variants."""
    first = next(iter(nodes.values()))
    settings = (
        MergedSetting(p.name, tuple(_choices({v: n[p.name] for v, n in nodes.items()})))
        for p in first.parameters
    )
    return MergedNode(first, tuple(settings))


def _choices(parameters: dict[str, Parameter]) -> Iterator[Choice]:
    groups: dict[str, dict[str, Parameter]] = {}
    for variant, parameter in parameters.items():
        groups.setdefault(value_text(parameter.value), {})[variant] = parameter
    for text, members in groups.items():
        # Equal texts name the same components, so they line up.
        slots = zip(*(p.children for p in members.values()), strict=True)
        children = tuple(_merged(dict(zip(members, slot, strict=True))) for slot in slots)
        origin = next(iter(members.values())).origin
        yield Choice(text, origin, tuple(members), children)
