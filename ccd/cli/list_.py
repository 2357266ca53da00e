"""``ccd list``: the registered components and their settings, and which of them fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from ccd.registry import Component


def list_(
    family: Annotated[
        str | None, typer.Argument(metavar="[FAMILY]", help="Only this family.", show_default=False)
    ] = None,
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Which sampler fits which backbone, and why not.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """List components with their settings, types, ranges and defaults."""
    import json

    from ccd import catalogue
    from ccd.config.messages import did_you_mean
    from ccd.errors import ConfigError
    from ccd.registry import components, families
    from ccd.reports.console import make_console

    catalogue.load()
    if matrix:
        _print_matrix(family, as_json)
        return
    if family is not None and family not in families():
        raise ConfigError(f"no family '{family}'\n  {did_you_mean(family, families(), 'families')}")
    chosen = [family] if family is not None else families()
    if as_json:
        listed = {name: [_to_json(c) for c in components(name)] for name in chosen}
        print(json.dumps(listed, indent=2))
        return
    console = make_console()
    for name in chosen:
        console.print(_table(name, components(name)))


def _print_matrix(family: str | None, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from ccd.cli.matrix import MatrixView, all_pairs
    from ccd.errors import ConfigError
    from ccd.reports.console import make_console

    if family is not None:
        raise ConfigError(
            f"'ccd list {family} --matrix' asks for two things: --matrix shows backbones by "
            "samplers; drop the family or the option"
        )
    pairs = all_pairs()
    if as_json:
        print(json.dumps({"matrix": [asdict(pair) for pair in pairs]}, indent=2))
        return
    make_console().print(MatrixView(pairs))


def _table(family: str, members: list[Component]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from ccd.config.annotations import default_text, readable

    table = Table(title=Text(family, style="bold"), title_justify="left", expand=False)
    for column in ("component / setting", "type and range", "default"):
        table.add_column(column, overflow="fold")
    for member in members:
        table.add_row(Text(member.name, style="bold"), Text(member.summary, style="dim"), "")
        for setting in member.settings.values():
            table.add_row(
                Text(f"  {setting.name}"),
                Text(readable(setting.annotation), style="cyan"),
                Text(default_text(setting.default), style="green"),
            )
        table.add_section()
    return table


def _to_json(member: Component) -> dict[str, Any]:
    from ccd.config.annotations import default_text, readable, slot_families
    from ccd.settings import REQUIRED

    return {
        "component": member.name,
        "summary": member.summary,
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
