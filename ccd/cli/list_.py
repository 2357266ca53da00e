"""``ccd list``: the families and their components, what their settings are, and what fits what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ccd.cli.options import AllowImports
from ccd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ccd.registry import Component


def list_(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="A family or a component to describe; all are listed if left out.",
            show_default=False,
        ),
    ] = None,
    matrix: Annotated[
        bool,
        typer.Option("--matrix", help="Show which samplers, and whether DMA, fit each backbone."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    allow_imports: AllowImports = None,
) -> None:
    """List the components that a recipe can use.

    Alone, it shows every family on one screen. With a family, it shows its components and their
    settings; with a component, also what each setting means.
    """
    import json

    from ccd import catalogue
    from ccd.registry import components, families, find

    if name is not None and not allow_imports:
        _refuse_unknown(name)
    _refuse_absent(allow_imports or ())
    catalogue.load()
    _import_parts(allow_imports or ())
    if matrix:
        _print_matrix(name, as_json)
        return
    single = find(name) if name is not None and name not in families() else None
    if single is not None:
        chosen = {single.family: [single]}
    else:
        chosen = {family: components(family) for family in _chosen_families(name)}
    if as_json:
        listed = {family: [_to_json(c) for c in members] for family, members in chosen.items()}
        print(json.dumps(listed, indent=2))
        return

    from ccd.terminal.console import make_console
    from ccd.views.components_text import ComponentView, FamiliesView, FamilyView

    console = make_console()
    if single is not None:
        console.print(ComponentView(single))
    elif name is not None:
        console.print(FamilyView(name, catalogue.FAMILIES.get(name, ""), chosen[name]))
    else:
        console.print(FamiliesView(chosen, catalogue.FAMILIES))


def _refuse_absent(names: Sequence[str]) -> None:
    """Refuse modules that are not there, before torch is imported."""
    from pathlib import Path

    if names:
        from ccd.config.imports import refuse_absent
    for name in names:
        refuse_absent(name, [Path.cwd()])


def _import_parts(names: Sequence[str]) -> None:
    """Import modules with components of one's own, which a recipe would import by name."""
    from pathlib import Path

    if names:
        from ccd.config.imports import import_module
    for name in names:
        import_module(name, [Path.cwd()])


def _chosen_families(name: str | None) -> list[str]:
    """The family called ``name``, or all of them: ccd's in the catalogue's order, then others."""
    from ccd.catalogue import FAMILIES
    from ccd.registry import components, families

    there = families()
    if name is None:
        return sorted(there, key=lambda f: ([*FAMILIES, f].index(f), f))
    if name not in there:
        raise _unknown(name, there, [c.name for c in components()])
    return [name]


def _refuse_unknown(name: str) -> None:
    """A name that neither ccd's sources nor modules imported so far know, before torch is imported.

    Raises:
        ConfigError: It is unknown.
    """
    from ccd.catalogue import FAMILIES
    from ccd.cli.declared import declared
    from ccd.registry import components, families

    there = [*FAMILIES, *families()]
    names = [*(one.name for one in declared()), *(one.name for one in components())]
    if name not in (*there, *names):
        raise _unknown(name, there, names)


def _unknown(name: str, families: list[str], components: list[str]) -> ConfigError:
    from ccd.suggestions import closest, did_you_mean

    known = [*families, *components]
    hint = did_you_mean(name, known if closest(name, known) else families, "families")
    return ConfigError(f"no family or component '{name}'", hint=hint)


def _print_matrix(family: str | None, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from ccd.cli.matrix import MatrixView, all_pairs
    from ccd.terminal.console import make_console

    if family is not None:
        raise ConfigError(
            "--matrix shows backbones by samplers, so it takes no family",
            keys=("--matrix",),
            found=f"'{family}'",
            hint="drop the family or the option",
        )
    pairs = all_pairs()
    if as_json:
        print(json.dumps({"matrix": [asdict(pair) for pair in pairs]}, indent=2))
        return
    make_console().print(MatrixView(pairs))


def _to_json(member: Component) -> dict[str, Any]:
    import inspect

    from ccd.config.annotations import default_text, readable, slot_families
    from ccd.config.identity import is_how_it_runs
    from ccd.settings import REQUIRED

    return {
        "component": member.name,
        "summary": member.summary,
        "description": inspect.getdoc(member.target),
        "run_time": list(member.runtime),
        "settings": [
            {
                "name": setting.name,
                "type": readable(setting.annotation),
                "slots": slot_families(setting.annotation),
                "required": setting.default is REQUIRED,
                "default": default_text(setting.default),
                "identity": not is_how_it_runs(setting.annotation),
            }
            for setting in member.settings.values()
        ],
    }
