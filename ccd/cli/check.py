"""``ccd check``: does a part of one's own keep the contract of its family?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ccd.cli.options import AllowImports, Bindings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ccd.registry import Component


def check(
    part: Annotated[
        str,
        typer.Argument(
            metavar="PART",
            help="A component, such as my_sampler.MySampler, or DNSSampler of ccd's own.",
            show_default=False,
        ),
    ],
    bindings: Bindings = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    allow_imports: AllowImports = None,
) -> None:
    """Check a part on generated data by the rules of its family, and say which it breaks.

    The rules are those of docs/extend.md: a sampler returns no training positives, a backbone
    honours rows, all draw from the generator that they are given. At the end the part is trained
    twice under one seed. The exit code is 1 where a rule is broken.
    """
    import json
    from dataclasses import asdict

    from ccd.terminal.console import make_console

    found = _component(part, allow_imports or ())

    from ccd.checking.check import check as checked
    from ccd.views.check_text import CheckView

    findings = checked(found, bindings=bindings or ())
    if as_json:
        rules = [{**asdict(each), "kept": not each.fault} for each in findings]
        print(json.dumps({"part": found.name, "family": found.family, "rules": rules}, indent=2))
    else:
        make_console().print(CheckView(found, findings))
    if any(each.fault for each in findings):
        raise typer.Exit(1)


def _component(part: str, allowed: Sequence[str]) -> Component:
    """The component that ``part`` names, with or without its module.

    Raises:
        ConfigError: There is none, or importing its module is not allowed.
    """
    from pathlib import Path

    from ccd import catalogue
    from ccd.config.imports import import_module
    from ccd.errors import ConfigError
    from ccd.registry import components, find
    from ccd.suggestions import did_you_mean

    module, _, name = part.rpartition(".")
    if module and module.partition(".")[0] != "ccd" and module not in allowed:
        raise ConfigError(
            f"importing '{module}' would run its code",
            keys=("--allow-import",),
            hint=f"if you trust it, add --allow-import {module}",
        )
    catalogue.load()
    for each in allowed:
        import_module(each, [Path.cwd()])
    found = find(name)
    if found is None:
        hint = did_you_mean(name, [c.name for c in components()], "components")
        raise ConfigError(f"no component '{name}'", hint=hint)
    return found
