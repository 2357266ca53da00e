"""``ccd diff``: what differs between two runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ccd.cli.names import refuse_unknown_names, refuse_unknown_settings
from ccd.cli.options import ComparisonBindings, refuse_missing


def diff(
    first: Annotated[
        Path,
        typer.Argument(
            metavar="A", help="A folder that 'ccd run' wrote, or the folder of one run in it."
        ),
    ],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another such folder.")],
    variant: Annotated[
        Optional[str],  # noqa: UP045 - typer reads annotations at run time
        typer.Option(
            "--variant", metavar="NAME", help="Use this variant where a folder has several."
        ),
    ] = None,
    metric: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--metric",
            metavar="NAME",
            help="Sort users by their change in this metric, such as recall@20.",
        ),
    ] = None,
    users: Annotated[
        int, typer.Option("--users", metavar="N", min=0, help="List so many users.")
    ] = 10,
    bindings: ComparisonBindings = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Show what differs between two runs, and for which users the metric changed most."""
    refuse_missing(first, second)
    refuse_unknown_settings(bindings or ())
    metrics = [metric] if metric is not None else []
    refuse_unknown_names([first, second], variant=variant, metrics=metrics)

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
    )
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        make_console().print(DifferencesView(found))
