"""The space of a study, checked against the config graph before the first trial."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NoReturn

from ccd.config.annotations import parts
from ccd.config.checks import check_names, prefixes
from ccd.config.graph import ConfigGraph, Node
from ccd.config.language import Binding, read_bindings
from ccd.config.origin import Origin
from ccd.config.problems import Problems
from ccd.config.resolve import check_values
from ccd.errors import ConfigError
from ccd.registry import find
from ccd.search.domains import Domain, read_domain
from ccd.search.target import Target

Pick = Callable[[str, Domain], Any]
"""Chooses a value for a key: Optuna, a grid, or the recipe's current setting."""


class Space:
    """Settings and what each may be; components are chosen first, then what they have.

    Args:
        target: What is searched.

    Raises:
        ConfigError: A key, a choice or a range is wrong, or changes nothing.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        parameter = target.node["space"]
        origin = parameter.origin or Origin("Search.space")
        self._places = {key: _place(origin, key) for key in parameter.value}
        self._bindings = {key: self._binding(key) for key in parameter.value}
        self.domains = {
            key: read_domain(
                value, self._refuser(key), of_floats=_takes_floats(self._bindings[key])
            )
            for key, value in parameter.value.items()
        }
        self._structural = [k for k, d in self.domains.items() if d.chooses_components]
        self._check_values()
        self._check_judge()
        self._check_reach()

    def assign(self, pick: Pick) -> dict[str, str]:
        """A setting: only keys that the components chosen so far have are asked for."""
        texts: dict[str, str] = {}

        def choose(key: str) -> None:
            texts[key] = self.domains[key].text(pick(key, self.domains[key]))

        graph = self.target.base
        while (key := self._next(graph, texts)) is not None:
            choose(key)
            graph = self.target.graph(texts)
        for key in self._leaves(graph):
            choose(key)
        return texts

    def current(self) -> dict[str, Any]:
        """The recipe's own setting as far as it lies in the space, as Optuna stores it."""
        found: dict[str, Any] = {}
        for key, domain in self.domains.items():
            node = self._node(self.target.base, key)
            if node is not None:
                try:
                    found[key] = domain.find(node[self._bindings[key].parameter].value)
                except LookupError:
                    continue
        return found

    def points(self) -> list[dict[str, Any]]:
        """Every setting of the space, in the order of its lists.

        Raises:
            ConfigError: A range has no end of values.
        """
        return list(self._expanded({}, self.target.base))

    def _expanded(self, params: dict[str, Any], graph: ConfigGraph) -> Iterator[dict[str, Any]]:
        key = self._next(graph, params)
        if key is not None:
            for value in self._points(key):
                chosen = {**params, key: value}
                texts = {k: self.domains[k].text(v) for k, v in chosen.items()}
                yield from self._expanded(chosen, self.target.graph(texts))
            return
        leaves = self._leaves(graph)
        for values in itertools.product(*(self._points(leaf) for leaf in leaves)):
            yield {**params, **dict(zip(leaves, values, strict=True))}

    def _points(self, key: str) -> tuple[Any, ...]:
        try:
            return self.domains[key].points
        except LookupError:
            self._refuse(key, "has no end of values for a grid", "give it a step, or list choices")

    def _next(self, graph: ConfigGraph, chosen: dict[str, Any]) -> str | None:
        """The component choice nearest to the root that is still to be made.

        From the root downwards, so that no choice takes away one made before.
        """
        for node in graph.nodes():
            for key in self._structural:
                if key not in chosen and self._reaches(node, key):
                    return key
        return None

    def _leaves(self, graph: ConfigGraph) -> list[str]:
        return [
            key
            for key, domain in self.domains.items()
            if not domain.chooses_components and self._node(graph, key) is not None
        ]

    def _node(self, graph: ConfigGraph, key: str) -> Node | None:
        return next((node for node in graph.nodes() if self._reaches(node, key)), None)

    def _reaches(self, node: Node, key: str) -> bool:
        binding = self._bindings[key]
        same = node.component.name == binding.component
        return same and binding.scope in prefixes(node.scope)

    def _binding(self, key: str) -> Binding:
        """The key taken apart, as gin does it."""
        place = self._places[key]
        layer = read_bindings([(f"{key} = None", replace(place, text=f"'{key}'"))])
        if not layer.bindings:
            self._refuse(key, "is no setting", "write 'Component.parameter'")
        return layer.bindings[0]

    def _check_values(self) -> None:
        """Names, types and ranges of every choice and of both ends of a range."""
        problems = Problems()
        probes = [
            (f"{key} = {text}", replace(self._places[key], text=f"{key} = {text}"))
            for key, domain in self.domains.items()
            for text in domain.probes
        ]
        layer = read_bindings(probes)
        check_names(layer, problems)
        problems.raise_if_any()
        check_values(layer, layer, problems)
        problems.raise_if_any()

    def _check_judge(self) -> None:
        """What trials are judged by is no setting of theirs."""
        for key, binding in self._bindings.items():
            component = find(binding.component)
            assert component is not None, "its name was checked"
            is_judge = component.family in ("evaluator", "metric")
            if is_judge or (component.family, binding.parameter) == ("experiment", "evaluator"):
                hint = "bind it in the recipe, the same for all trials"
                self._refuse(key, "would judge each trial by another measure", hint)

    def _check_reach(self) -> None:
        """Every key must change something, whatever else is chosen, and every choice must load."""
        idle = dict.fromkeys(self.domains)
        tried: set[tuple[str, str]] = set()
        waiting: list[dict[str, str]] = [{}]
        while waiting:
            texts = waiting.pop()
            graph = self.target.graph(texts)
            for key in [key for key in idle if self._node(graph, key) is not None]:
                self._check_effect(key, texts)
                del idle[key]
            for key in self._structural:
                if key in texts or self._node(graph, key) is None:
                    continue
                for text in self.domains[key].probes:
                    if (key, text) not in tried:
                        tried.add((key, text))
                        waiting.append({**texts, key: text})
        for key in idle:
            component = self._bindings[key].component
            self._refuse(
                key,
                f"is a setting of {component}, which no trial of '{self.target.variant}' has",
                f"add '@{component}' to the choices of the slot that takes it, or drop this key",
            )

    def _check_effect(self, key: str, texts: dict[str, str]) -> None:
        """A binding of the variant's list, of ``--set`` or of a scope would hide the trial's."""
        place = self._places[key]
        graph = self.target.graph({**texts, key: self.domains[key].probes[0]}, place)
        bound = [
            parameter.origin
            for node in graph.nodes()
            if self._reaches(node, key)
            for parameter in node.parameters
            if parameter.name == self._bindings[key].parameter
        ]
        ours = [o for o in bound if o and (o.file, o.line) == (place.file, place.line)]
        if bound and not ours:
            winner = f"{bound[0]}    {bound[0].text}" if bound[0] else "another binding"
            self._refuse(key, f"is overruled by {winner}", "remove one of the two")

    def _refuser(self, key: str) -> Callable[[str, str], None]:
        return lambda what, hint: self._refuse(key, what, hint)

    def _refuse(self, key: str, what: str, hint: str) -> NoReturn:
        place = replace(self._places[key], text="")
        what = f"Search.space: '{key}' {what}"
        raise ConfigError(what, where=place, keys=("Search.space", key), hint=hint)


def _takes_floats(binding: Binding) -> bool:
    """Whether the setting is a number between the whole ones too."""
    component = find(binding.component)
    setting = component.settings.get(binding.parameter) if component is not None else None
    # That there is no such setting is found out with all names.
    taken = list(parts(setting.annotation)) if setting is not None else []
    return float in taken and int not in taken


def _place(origin: Origin, key: str) -> Origin:
    """The line of a key inside the dict that is bound at ``origin``."""
    if origin.path is None or origin.line is None:
        return origin
    lines = origin.path.read_text(encoding="utf-8-sig").splitlines()
    for number, line in enumerate(lines[origin.line - 1 :], start=origin.line):
        if f"'{key}'" in line or f'"{key}"' in line:
            return replace(origin, line=number, text=line.strip())
    return origin
