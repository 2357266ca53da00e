"""``ccd diff``: what differs between two runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ccd.cli.options import AllowImports, Bindings, refuse_missing


def diff(
    first: Annotated[
        Path, typer.Argument(metavar="A", help="A run folder, or a run's own folder.")
    ],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another one.")],
    variant: Annotated[
        Optional[str],  # noqa: UP045 - typer reads annotations at run time
        typer.Option("--variant", metavar="NAME", help="Which, where a folder holds several."),
    ] = None,
    metric: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--metric", metavar="NAME", help="By which users are sorted: recall@20."),
    ] = None,
    users: Annotated[
        int, typer.Option("--users", metavar="N", min=0, help="How many users are listed.")
    ] = 10,
    bindings: Bindings = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
    allow_imports: AllowImports = None,
) -> None:
    """Show what differs in settings, data, versions and metrics, and the users who changed most."""
    refuse_missing(first, second)

    import json

    from ccd.analysis.differences import diff as differences
    from ccd.config.part import load_part
    from ccd.terminal.console import make_console
    from ccd.views.differences_text import DifferencesView

    found = differences(
        first,
        second,
        comparison=load_part("Comparison", bindings=bindings or ()).factory()(),
        variant=variant,
        metric=metric,
        most=users,
        imports=allow_imports or (),
    )
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        make_console().print(DifferencesView(found))
