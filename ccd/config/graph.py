"""The resolved config graph: what will be built, from which values, and who set them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ccd.config.origin import Origin
from ccd.config.values import leaves, mapped
from ccd.errors import CcdError
from ccd.registry import Component


@dataclass(frozen=True)
class Parameter:
    """One setting of a node.

    Attributes:
        name: The setting's name.
        value: Checked value; a slot holds a ``Node``, also inside tuples, lists and dicts.
        origin: Where it was bound, or None where it is the default.
    """

    name: str
    value: Any
    origin: Origin | None = field(default=None, compare=False)

    @property
    def children(self) -> list[Node]:
        """The nodes in the value, in order."""
        return [leaf for leaf in leaves(self.value) if isinstance(leaf, Node)]


@dataclass(frozen=True)
class Node:
    """A component with all its settings.

    Attributes:
        component: What the registry knows of it.
        scope: Its gin scope, or an empty string.
        parameters: All settings, in the order of the signature.
    """

    component: Component
    scope: str
    parameters: tuple[Parameter, ...]

    @property
    def key(self) -> str:
        """The name as bound in gin, ``scope/Component``."""
        return f"{self.scope}/{self.component.name}" if self.scope else self.component.name

    def __getitem__(self, name: str) -> Parameter:
        """The parameter called ``name``."""
        return next(p for p in self.parameters if p.name == name)

    def places(self, keys: Sequence[str]) -> list[Origin]:
        """The places where the settings named in ``keys`` (``Component.setting``) were bound."""
        named = {p.origin: f"{self.component.name}.{p.name}" for p in self.parameters if p.origin}
        return [origin for origin, key in named.items() if key in keys]

    def factory(self) -> partial[Any]:
        """The component with its settings filled in; call it with the run-time arguments."""
        settings = {
            p.name: mapped(p.value, lambda v: v.factory() if isinstance(v, Node) else v)
            for p in self.parameters
        }
        return _Factory(self, settings)

    def walk(self) -> Iterator[Node]:
        """This node and all below it, depth first."""
        yield self
        for parameter in self.parameters:
            for child in parameter.children:
                yield from child.walk()


class _Factory(partial[Any]):
    """A partial that adds file and line to a refusal of what it builds.

    Components know their values, not who set them.
    """

    node: Node

    def __new__(cls, node: Node, settings: dict[str, Any]) -> _Factory:
        made = super().__new__(cls, node.component.target, **settings)
        made.node = node
        return made

    def __call__(self, /, *args: Any, **keywords: Any) -> Any:
        try:
            return super().__call__(*args, **keywords)
        except CcdError as error:
            places = self.node.places(error.keys)
            if not places:
                raise
            raise error.at(*places) from error


@dataclass(frozen=True)
class ConfigGraph:
    """The tree of components under one root."""

    root: Node

    def nodes(self) -> Iterator[Node]:
        """All nodes, depth first; a component used in two slots comes twice."""
        return self.root.walk()

    def factory(self) -> partial[Any]:
        """The root with everything below it filled in."""
        return self.root.factory()
