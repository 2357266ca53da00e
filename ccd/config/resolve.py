"""Turn bindings into a checked config graph, by gin's rules for scopes and macros."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ccd.config.checks import REQUIRED_MACRO, checked_value, missing_value, prefixes
from ccd.config.graph import ConfigGraph, Node, Parameter
from ccd.config.language import Binding, Layer
from ccd.config.origin import Origin
from ccd.config.problems import Problems
from ccd.config.values import DEEPEST, Macro, Reference, mapped
from ccd.errors import ConfigError
from ccd.registry import Component, Setting, find
from ccd.settings import REQUIRED

_MOST_NODES = 10_000
"""Components of one graph; each that names two of the one before would soon fill any memory."""


def resolve(layer: Layer, root: str, origin: Origin, problems: Problems) -> ConfigGraph:
    """The graph under component ``root``.

    Args:
        layer: All statements, names checked (``check_names``).
        root: Key of the component at the top, ``scope/Component`` or its bare name.
        origin: Named where the root itself lacks a value.
        problems: Receives values that do not fit and required ones that are missing; while it
            holds any, the graph is not to be used.

    Raises:
        ConfigError: There is no such component, or there is no end of them.
    """
    scope, _, name = root.rpartition("/")
    component = find(name)
    if component is None:
        raise ConfigError(f"no component '{name}' to start from", where=origin)
    return ConfigGraph(_Resolver(layer, problems).node(component, scope, origin, ()))


def check_values(part: Layer, layer: Layer, problems: Problems) -> None:
    """Every value bound in ``part`` must fit its setting, whether a graph reaches it or not.

    Args:
        part: Statements, names checked (``check_names``).
        layer: All statements among which they stand.
        problems: Receives values that do not fit.
    """
    # What a component that a value names still lacks is for the graph that builds it to say.
    resolver = _Resolver(layer, Problems())
    for binding in part.bindings:
        component = find(binding.component)
        assert component is not None, "names are checked before"
        origin = resolver.origin(binding)
        value = resolver.expanded(binding.value, binding.scope, origin, ())
        if value is not REQUIRED:
            setting = component.settings[binding.parameter]
            checked_value(component, setting, value, origin, problems)


class _Resolver:
    """One walk from the root over the winning bindings of a layer."""

    def __init__(self, layer: Layer, problems: Problems) -> None:
        self._bindings = {b.key: b for b in layer.bindings}  # the last one of a key wins
        self._macros = {m.key: m for m in layer.macros}
        self._problems = problems
        self._nodes = 0

    def node(
        self, component: Component, scope: str, origin: Origin | None, path: tuple[str, ...]
    ) -> Node:
        """The component with all its settings; ``path`` holds the keys of the nodes above."""
        node = Node(component, scope, ())
        if node.key in path:
            loop = " -> ".join((*path[path.index(node.key) :], node.key))
            self._problems.add(ConfigError(f"{node.key} contains itself: {loop}", where=origin))
            return node
        self._nodes += 1
        if len(path) > DEEPEST or self._nodes > _MOST_NODES:
            what = f"{node.key} is one component too many: {_MOST_NODES} may stand in a variant, "
            what += f"{DEEPEST} in each other"
            raise ConfigError(what, where=origin, hint="name fewer components in each other")
        path = (*path, node.key)
        parameters = (
            self._parameter(component, scope, setting, origin, path)
            for setting in component.settings.values()
        )
        return replace(node, parameters=tuple(parameters))

    def _parameter(
        self,
        component: Component,
        scope: str,
        setting: Setting,
        used_at: Origin | None,
        path: tuple[str, ...],
    ) -> Parameter:
        binding = self._binding(component, scope, setting)
        origin = self.origin(binding) if binding else None
        value = self.expanded(binding.value, scope, origin, path) if binding else setting.default
        if value is REQUIRED:
            self._problems.add(missing_value(component, setting, origin, used_at))
        else:
            value = checked_value(component, setting, value, origin, self._problems)
        return Parameter(setting.name, value, origin)

    def _binding(self, component: Component, scope: str, setting: Setting) -> Binding | None:
        for prefix in reversed(prefixes(scope)):
            slash = "/" if prefix else ""
            if found := self._bindings.get(f"{prefix}{slash}{component.name}.{setting.name}"):
                return found
        return None

    def origin(self, binding: Binding) -> Origin:
        """Where the value was set; for a macro, also where the macro was."""
        origin, value = binding.origin, binding.value
        if isinstance(value, Macro) and value.name != REQUIRED_MACRO:
            return replace(origin, note=f"%{value.name} from {self._macros[value.name].origin}")
        return origin

    def expanded(self, value: Any, scope: str, origin: Origin | None, path: tuple[str, ...]) -> Any:
        """Macros replaced by their final value, references by nodes.

        As in gin, a reference with a scope replaces the current scope and one without keeps it.
        """

        def change(leaf: Any) -> Any:
            if isinstance(leaf, Macro):
                if leaf.name == REQUIRED_MACRO:
                    return REQUIRED
                return mapped(self._macros[leaf.name].value, change)
            if isinstance(leaf, Reference):
                component = find(leaf.name)
                assert component is not None, "names are checked before"
                return self.node(component, leaf.scope or scope, origin, path)
            return leaf

        return mapped(value, change)
