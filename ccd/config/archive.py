"""Write a loaded recipe back as one self-contained gin file: ``config.gin``, ``operative.gin``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ccd.config.graph import ConfigGraph, Parameter
from ccd.config.recipe import Recipe
from ccd.config.text import value_text

Key = tuple[str, str, str]
"""Scope, component and parameter."""


def to_gin(recipe: Recipe, *, defaults: bool) -> str:
    """Gin text that loads to the same graphs, without any other gin file.

    What all variants share stands once, the rest in the variants' lists.

    Args:
        recipe: What ``load_recipe`` returned.
        defaults: Write every parameter that is reached; otherwise only those that were bound.

    Raises:
        TypeError: A default is not a gin literal, so the component breaks the rules.
    """
    tables = {name: _bound(graph, defaults) for name, graph in recipe.graphs.items()}
    shared = _shared(tables)
    lines = [*_header(recipe), *(f"import {name}" for name in recipe.imports)]
    lines += ["", *_ablation(recipe, tables, shared)]
    block = None
    for key, parameter in shared.items():
        if key[:2] != block:
            block = key[:2]
            lines += ["", f"{_scoped(*block)}:"]
        lines.append(f"  {key[2]} = {value_text(parameter.value)}{_comment(parameter)}")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Table:
    """One variant: what it writes, and every parameter that it reaches."""

    written: dict[Key, Parameter]
    reached: set[Key]

    def agrees(self, key: Key, text: str) -> bool:
        """Whether ``key = text`` may stand for all variants without changing this one."""
        if key in self.written:
            return value_text(self.written[key].value) == text
        # An unscoped binding would also reach the component inside scopes.
        scope, component, parameter = key
        inside = (k for k in self.reached if k[1:] == (component, parameter))
        return not any(
            k not in self.written and f"{k[0]}/".startswith(f"{scope}/" if scope else "")
            for k in inside
        )


def _bound(graph: ConfigGraph, defaults: bool) -> _Table:
    written: dict[Key, Parameter] = {}
    reached: set[Key] = set()
    for node in graph.nodes():
        for parameter in node.parameters:
            key = (node.scope, node.component.name, parameter.name)
            reached.add(key)
            if defaults or parameter.origin is not None:
                written[key] = parameter
    return _Table(written, reached)


def _shared(tables: dict[str, _Table]) -> dict[Key, Parameter]:
    """What can stand once at the top, in the order in which the graphs reach it."""
    keys = {key: parameter for table in tables.values() for key, parameter in table.written.items()}
    blocks = {block: rank for rank, block in enumerate(dict.fromkeys(key[:2] for key in keys))}
    return {
        key: keys[key]
        for key in sorted(keys, key=lambda key: blocks[key[:2]])
        if all(table.agrees(key, value_text(keys[key].value)) for table in tables.values())
    }


def _header(recipe: Recipe) -> Iterator[str]:
    if not recipe.imports:
        yield f"# Recipe '{recipe.name}' resolved by ccd: loads without any other file."
        return
    yield f"# Recipe '{recipe.name}' resolved by ccd: loads with the Python modules it imports."
    yield "# They are found beside this file or in the current folder; here they were:"
    for name in recipe.imports:
        place = getattr(sys.modules.get(name), "__file__", None)
        yield f"#   --allow-import {name}    {place or 'a module without a file'}"


def _ablation(
    recipe: Recipe, tables: dict[str, _Table], shared: dict[Key, Parameter]
) -> Iterator[str]:
    yield "Ablation:"
    yield "  variants = {"
    for name, table in tables.items():
        yield f"      {name!r}: ["
        for key, parameter in table.written.items():
            if key not in shared:
                binding = f"{_scoped(*key[:2])}.{key[2]} = {value_text(parameter.value)}"
                yield f"          {binding!r},{_comment(parameter)}"
        yield "      ],"
    yield "  }"
    yield f"  baseline = {recipe.baseline!r}"
    yield f"  seeds = {value_text(recipe.seeds)}"


def _scoped(scope: str, component: str) -> str:
    return f"{scope}/{component}" if scope else component


def _comment(parameter: Parameter) -> str:
    origin = str(parameter.origin or "default")
    return f"  # {' '.join(origin.split())}"
