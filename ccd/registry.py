"""The registry of components: ``@component("family")`` and a look-up by name.

Rules, refused at registration:

- bare names are unique across families, so an archived config never becomes ambiguous;
- a parameter with a default is a *setting* (keyword-only, reachable from gin); one without is a
  *run-time argument* that only Python passes;
- every parameter is annotated, nothing takes ``**kwargs`` (it would swallow typos), and the
  docstring's first line says what the component is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypeVar, get_type_hints

T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True)
class Setting:
    """One parameter that a recipe may bind."""

    name: str
    annotation: Any
    default: Any


@dataclass(frozen=True)
class Component:
    """A registered class or function and its settings."""

    family: str
    name: str
    target: Callable[..., Any]
    settings: dict[str, Setting]
    runtime: tuple[str, ...]

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return inspect.getdoc(self.target).strip().splitlines()[0]  # type: ignore[union-attr]


_COMPONENTS: dict[str, Component] = {}


def component(family: str) -> Callable[[T], T]:
    """Register a class or function as a component of ``family`` (singular: ``noise_schedule``).

    Raises:
        TypeError: The name is taken or the signature breaks one of the rules above.
    """

    def register(target: T) -> T:
        new = _describe(family, target)
        if new.name in _COMPONENTS:
            raise TypeError(
                f"component '{new.name}' exists already: {_COMPONENTS[new.name].target}"
            )
        _COMPONENTS[new.name] = new
        return target

    return register


def components(family: str | None = None) -> list[Component]:
    """All components (of one family), sorted by family and name."""
    found = [c for c in _COMPONENTS.values() if family in (None, c.family)]
    return sorted(found, key=lambda c: (c.family, c.name))


def families() -> list[str]:
    """Names of all families, sorted."""
    return sorted({c.family for c in _COMPONENTS.values()})


def find(name: str) -> Component | None:
    """The component called ``name``, or None."""
    return _COMPONENTS.get(name)


def _describe(family: str, target: Callable[..., Any]) -> Component:
    name = target.__name__
    if not (inspect.getdoc(target) or "").strip():
        raise TypeError(
            f"component '{name}' has no docstring; its first line is shown by 'ccd list'"
        )
    entry = target.__init__ if inspect.isclass(target) else target
    hints = _parameter_types(entry)
    settings: dict[str, Setting] = {}
    runtime: list[str] = []
    for parameter in inspect.signature(target).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(
                f"component '{name}' takes *{parameter.name}, which would swallow typos"
            )
        if parameter.name not in hints:
            raise TypeError(f"component '{name}': parameter '{parameter.name}' has no annotation")
        if parameter.default is parameter.empty:
            runtime.append(parameter.name)
        elif parameter.kind is parameter.KEYWORD_ONLY:
            settings[parameter.name] = Setting(
                parameter.name, hints[parameter.name], parameter.default
            )
        else:
            raise TypeError(f"component '{name}': setting '{parameter.name}' must be keyword-only")
    return Component(family, name, target, settings, tuple(runtime))


def _parameter_types(entry: Callable[..., Any]) -> dict[str, Any]:
    """Types of the parameters; what is returned may be of a library that is not imported yet."""
    hints = getattr(entry, "__annotations__", {})  # a class without __init__ has none
    own = {name: hint for name, hint in hints.items() if name != "return"}
    parameters = SimpleNamespace(__annotations__=own)
    return get_type_hints(parameters, getattr(entry, "__globals__", {}), include_extras=True)
