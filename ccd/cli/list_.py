"""``ccd list``: the registered components, what their settings are, and which of them fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ccd.cli.options import AllowImports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from ccd.registry import Component


def list_(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="Only this family, or one component.", show_default=False
        ),
    ] = None,
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Which sampler, and whether DMA, fits which backbone.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
    allow_imports: AllowImports = None,
) -> None:
    """List components with their settings, types, ranges and defaults; of one, their meaning."""
    import json

    from ccd import catalogue
    from ccd.registry import components, families, find
    from ccd.terminal.console import make_console

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
    console = make_console()
    for part in _whole(single) if single else [_table(*item) for item in chosen.items()]:
        console.print(part)


def _import_parts(names: Sequence[str]) -> None:
    """Import modules with components of one's own, which a recipe would import by name."""
    from pathlib import Path

    if names:
        from ccd.config.imports import import_module
    for name in names:
        import_module(name, [Path.cwd()])


def _chosen_families(name: str | None) -> list[str]:
    from ccd.errors import ConfigError
    from ccd.registry import components, families
    from ccd.suggestions import closest, did_you_mean

    if name is None:
        return families()
    if name in families():
        return [name]
    known = [*families(), *(c.name for c in components())]
    hint = did_you_mean(name, known if closest(name, known) else families(), "families")
    raise ConfigError(f"no family or component '{name}'", hint=hint)


def _print_matrix(family: str | None, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from ccd.cli.matrix import MatrixView, all_pairs
    from ccd.errors import ConfigError
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


def _whole(member: Component) -> list[RenderableType]:
    """Everything about one component, its docstring first: what its settings mean."""
    import inspect

    from rich.padding import Padding
    from rich.text import Text

    table = _columns("setting")
    _add_settings(table, member)
    parts: list[RenderableType] = [Text(f"{member.name} ({member.family})\n", style="bold")]
    for line in (inspect.getdoc(member.target) or "").splitlines():
        words = line.lstrip()
        parts.append(Padding.indent(Text(words), len(line) - len(words)))
    parts += [Text(), table] if member.settings else [Text("\nno settings")]
    return [*parts, Text(_called_with(member), style="dim")] if member.runtime else parts


def _table(family: str, members: list[Component]) -> Table:
    from rich.text import Text

    table = _columns("component / setting")
    table.title, table.title_justify = Text(family, style="bold"), "left"
    shared = len({member.runtime for member in members}) == 1
    if shared and members[0].runtime:
        table.caption, table.caption_justify = _called_with(members[0]), "left"
    for member in members:
        about = Text(member.summary, style="dim")
        if member.runtime and not shared:
            about.append(f"\n{_called_with(member)}")
        table.add_row(Text(member.name, style="bold"), about, "")
        _add_settings(table, member, indent="  ")
        table.add_section()
    return table


def _columns(first: str) -> Table:
    from rich.table import Table

    table = Table(expand=False)
    for column in (first, "type and range", "default"):
        table.add_column(column, overflow="fold")
    return table


def _add_settings(table: Table, member: Component, indent: str = "") -> None:
    from rich.text import Text

    from ccd.config.annotations import default_text, readable

    for setting in member.settings.values():
        table.add_row(
            Text(indent + setting.name),
            Text(readable(setting.annotation), style="cyan"),
            Text(default_text(setting.default), style="green"),
        )


def _called_with(member: Component) -> str:
    """What ccd passes at run time."""
    return f"called with: {', '.join(member.runtime)}"


def _to_json(member: Component) -> dict[str, Any]:
    import inspect

    from ccd.config.annotations import default_text, readable, slot_families
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
            }
            for setting in member.settings.values()
        ],
    }
