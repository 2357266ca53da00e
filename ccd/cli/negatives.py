"""``ccd negatives``: look into the sampler of a finished run."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from ccd.cli.options import (
    AllowImports,
    DataDir,
    RunDir,
    Seed,
    Variant,
    refuse_missing,
    say_left_out,
)


def negatives(
    folder: RunDir,
    variant: Variant = None,
    seed: Seed = None,
    user: Annotated[
        Optional[str],  # noqa: UP045 - typer reads annotations at run time
        typer.Option("--user", metavar="ID", help="Show the items drawn for this user too."),
    ] = None,
    epoch: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--epoch", metavar="E", help="Show this epoch only, counted from 0."),
    ] = None,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    allow_imports: AllowImports = None,
) -> None:
    """Show the hard negatives of a finished run: how hard, how often false, how repetitive.

    The figures were recorded while training. The items of --user are drawn now from the saved
    model of the best epoch, so --epoch chooses the pool but not the model.
    """
    refuse_missing(folder)

    import json

    from ccd.finished.runs import choose_run

    run = choose_run(folder, variant, seed, allow_imports or ())

    from ccd.finished.inspection import inspect_negatives
    from ccd.terminal.console import make_console
    from ccd.views.inspection_text import InspectedView

    say_left_out(folder)
    found = inspect_negatives(run, data_dir, user=user, epoch=epoch)
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        make_console().print(InspectedView(found))
