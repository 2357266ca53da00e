"""What a recipe may say: names that exist, values that fit, bindings that reach something."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ccd.config.annotations import default_text, readable, slot_families, strict
from ccd.config.graph import Node
from ccd.config.language import Binding, Layer
from ccd.config.macros import check_macros
from ccd.config.origin import Origin
from ccd.config.problems import Problems
from ccd.config.text import value_text
from ccd.config.values import Macro, Reference, leaves
from ccd.errors import ConfigError
from ccd.registry import Component, Setting, components, find
from ccd.settings import REQUIRED
from ccd.suggestions import closest, did_you_mean

REQUIRED_MACRO = "gin.REQUIRED"
"""gin's own way to say that a recipe must set a value."""

_LONGEST = 200
"""Characters of a wrong value that a message repeats."""

Built = tuple[Layer, list[Node]]
"""Statements, and the nodes that they built."""


def check_names(layer: Layer, problems: Problems) -> None:
    """Every component, parameter, reference and macro that is named must exist."""
    macros = {m.key for m in layer.macros}
    unknown: set[str] = set()
    for binding in layer.bindings:
        component = find(binding.component)
        if component is not None:
            _check_parameter(component, binding, problems)
        elif binding.component not in unknown:
            unknown.add(binding.component)
            problems.add(_unknown_component(binding.component, binding.origin))
    for binding in (*layer.bindings, *layer.macros):
        for leaf in leaves(binding.value):
            if isinstance(leaf, Reference) and find(leaf.name) is None:
                problems.add(_unknown_component(leaf.name, binding.origin))
            elif isinstance(leaf, Macro) and not (
                leaf.name in macros or leaf.name == REQUIRED_MACRO
            ):
                hint = did_you_mean(leaf.name, sorted(macros), "macros that are set")
                what = f"no macro '{leaf.name}'"
                problems.add(ConfigError(what, where=binding.origin, hint=hint))
    check_macros(layer, problems)


def checked_value(
    component: Component, setting: Setting, value: Any, origin: Origin | None, problems: Problems
) -> Any:
    """``value`` as the setting's annotation has it: an int becomes a float, a list a tuple.

    A value that does not fit is added to ``problems``.
    """
    try:
        return _adapter(component.name, setting.name).validate_python(value)
    except ValidationError as error:
        problems.add(_misfit(component, setting, value, origin, error))
        return value


def check_used(
    variants: Sequence[Built], problems: Problems, *, swapped: Sequence[Built] = ()
) -> None:
    """Every binding and macro must have an effect in some variant that holds it.

    Wiring is for whoever needs it, so it may reach nothing.

    Args:
        variants: Per variant, its statements and the nodes that they built.
        problems: Receives what has no effect.
        swapped: The same for graphs in which a binding may have its effect too, though they are
            not what will be built; no hint names their components.
    """
    idle: dict[tuple[str, Origin], Binding] = {}
    live: set[tuple[str, Origin]] = set()
    scopes: set[str] = set()
    macros: set[str] = set()
    reached = {node.component.name: node.component for _, nodes in variants for node in nodes}
    for layer, nodes in (*variants, *swapped):
        keys = {(node.component.name, scope) for node in nodes for scope in prefixes(node.scope)}
        values = [v for b in (*layer.bindings, *layer.macros) for v in leaves(b.value)]
        scopes |= {s for v in values if isinstance(v, Reference) for s in prefixes(v.scope)}
        used = {v.name for v in values if isinstance(v, Macro)}
        macros |= {m.key for m in layer.macros}
        for binding in (*layer.bindings, *layer.macros):
            is_live = (binding.component, binding.scope) in keys or binding.key in used
            if is_live or binding.is_wiring:
                live.add((binding.key, binding.origin))
            idle[binding.key, binding.origin] = binding
    for key, binding in idle.items():
        if key not in live:
            problems.add(_without_effect(binding, scopes, macros, reached))


def refuse_whole_recipe(part: Layer, whose: str) -> None:
    """Refuse what a variant or a data set says of the whole recipe: its seeds, its search.

    Raises:
        ConfigError: There is such a binding.
    """
    problems = Problems()
    for binding in part.own.bindings:
        component = find(binding.component)
        if component is not None and component.family == "recipe":
            what = f"{binding.key} belongs to the whole recipe, not to one {whose}"
            hint = "bind it in the recipe"
            problems.add(ConfigError(what, where=binding.origin, keys=(binding.key,), hint=hint))
    problems.raise_if_any()


def prefixes(scope: str) -> list[str]:
    """The scopes whose bindings ``scope`` sees, weakest first: ``a/b`` sees "", a and a/b."""
    parts = scope.split("/") if scope else []
    return ["/".join(parts[:n]) for n in range(len(parts) + 1)]


def missing_value(component: Component, setting: Setting, *origins: Origin | None) -> ConfigError:
    """Refusal of a required setting that nothing sets."""
    key = f"{component.name}.{setting.name}"
    families = slot_families(setting.annotation)
    if families:
        hint = f"write {key} = @NAME with {_members(families)}"
    else:
        hint = f"write {key} = VALUE, {readable(setting.annotation)}"
    return ConfigError(f"{key} is required and not set", where=origins, keys=(key,), hint=hint)


@cache
def _adapter(component: str, setting: str) -> TypeAdapter[Any]:
    described = find(component)
    assert described is not None
    annotation = strict(described.settings[setting].annotation)
    return TypeAdapter(annotation, config=ConfigDict(strict=True))


def _unknown_component(name: str, origin: Origin) -> ConfigError:
    bare = name.rpartition(".")[2]
    known = [c.name for c in components()]
    if bare != name and bare in known:
        hint = f"leave the module out of the name: write {bare}"
    elif near := closest(bare, known):
        hint = f"did you mean {near}?"
    else:
        hint = "'ccd list' shows all; your own need an 'import' line and --allow-import"
    return ConfigError(f"no component '{name}'", where=origin, hint=hint)


def _check_parameter(component: Component, binding: Binding, problems: Problems) -> None:
    name = binding.parameter
    if name in component.settings:
        return
    key = f"{component.name}.{name}"
    if name in component.runtime:
        what = f"{key} is passed by ccd at run time, a recipe cannot set it"
        hint = f"settings of {component.name}: {', '.join(component.settings) or 'none'}"
        problems.add(ConfigError(what, where=binding.origin, keys=(key,), hint=hint))
        return
    near = closest(name, component.settings)
    if near is not None:
        setting = component.settings[near]
        default = default_text(setting.default)
        known = default if setting.default is REQUIRED else f"default {default}"
        hint = f"did you mean {near} ({readable(setting.annotation)}, {known})?"
    else:
        hint = f"settings of {component.name}: {', '.join(component.settings) or 'none'}"
    what = f"no parameter '{name}' in {component.name}"
    problems.add(ConfigError(what, where=binding.origin, keys=(key,), hint=hint))


def _misfit(
    component: Component,
    setting: Setting,
    value: Any,
    origin: Origin | None,
    error: ValidationError,
) -> ConfigError:
    key = f"{component.name}.{setting.name}"
    families = slot_families(setting.annotation)
    nodes = [leaf for leaf in leaves(value) if isinstance(leaf, Node)]
    default = f"default: {default_text(setting.default)}"
    if _fits(component, setting, (value,)):
        default = f"the comma makes a tuple: write {key} = {_shown((value,))}; {default}"
    details = error.errors()
    own = [str(d["ctx"]["error"]) for d in details if d["type"] == "value_error"]
    if nodes and not families and not own:
        return ConfigError(
            f"{key} takes no component",
            where=origin,
            keys=(key,),
            found=f"@{nodes[0].key}",
            hint=f"it is {readable(setting.annotation)}; {default}",
        )
    slot = next((d for d in details if d["type"] == "slot"), None)
    if slot is not None:
        got = slot["input"]
        kind = f", a {got.component.family}" if isinstance(got, Node) else ""
        return ConfigError(
            f"{key} takes a {' or '.join(families)}",
            where=origin,
            keys=(key,),
            found=f"{_shown(got)}{kind}",
            hint=f"write @NAME with {_members(families)}; {default}",
        )
    rule = ", ".join(own) or readable(setting.annotation)
    return ConfigError(
        f"{key} must be {rule}", where=origin, keys=(key,), found=_shown(value), hint=default
    )


def _fits(component: Component, setting: Setting, value: Any) -> bool:
    try:
        _adapter(component.name, setting.name).validate_python(value)
    except ValidationError:
        return False
    return True


def _shown(value: Any) -> str:
    """A value as gin writes it, cut where it is long."""
    try:
        text = value_text(value)
    except TypeError:  # gin reads more than ccd writes, such as bytes
        text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _members(families: list[str]) -> str:
    names = [c.name for family in families for c in components(family)]
    return f"NAME one of {', '.join(names) or 'none: no component is registered'}"


def _without_effect(
    binding: Binding, scopes: set[str], macros: set[str], reached: dict[str, Component]
) -> ConfigError:
    """Refusal of a binding or macro that changes nothing."""
    if not binding.parameter:
        others = macros - {binding.key}
        hint = did_you_mean(binding.key, sorted(others), "macros that are used")
        owners = [c.name for c in reached.values() if binding.key in c.settings]
        if owners:
            hint = f"did you mean {owners[0]}.{binding.key}?"
        what = f"macro '{binding.key}' is set but never used"
        return ConfigError(what, where=binding.origin, keys=(binding.key,), hint=hint)
    if binding.scope and binding.scope not in scopes:
        what = f"no reference uses scope '{binding.scope}', so {binding.key} has no effect"
        hint = did_you_mean(binding.scope, sorted(scopes - {""}), "scopes in use")
        return ConfigError(what, where=binding.origin, keys=(binding.key,), hint=hint)
    component = find(binding.component)
    assert component is not None
    rivals = [
        c.name
        for c in reached.values()
        if c.family == component.family and binding.parameter in c.settings
    ]
    near = f"did you mean {' or '.join(rivals)}.{binding.parameter}? " if rivals else ""
    hint = f"{near}{_takers(component.family)}, or drop the line"
    part = binding.key.rpartition(".")[0]
    what = f"{binding.key} is bound but never used: {part} is part of no variant here"
    return ConfigError(what, where=binding.origin, keys=(binding.key,), hint=hint)


def _takers(family: str) -> str:
    """Says which slots accept a family."""
    slots = [
        f"{c.name}.{s.name}"
        for c in components()
        for s in c.settings.values()
        if family in slot_families(s.annotation)
    ]
    return f"a {family} goes into {', '.join(slots) or 'no slot'}"
