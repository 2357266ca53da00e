"""``ccd data``: look at a data set without training on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ccd.cli.options import AllowImports, Bindings

data = typer.Typer(help="Describe a data set.", no_args_is_help=True)


@data.command("describe")
def describe(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A data set of 'gin/datasets', or a path ending in .gin.",
            show_default=False,
        ),
    ],
    data_dir: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads annotations at run time
        typer.Option("--data-dir", metavar="DIR", help="Folder that holds your data sets."),
    ] = None,
    bindings: Bindings = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
    allow_imports: AllowImports = None,
) -> None:
    """Count users, items, interactions, features and cold starts; show how they spread."""
    import json

    from ccd.config.dataset import load_dataset
    from ccd.datasets.describe import describe as describe_dataset
    from ccd.datasets.locate import data_folders
    from ccd.terminal.console import make_console
    from ccd.views.data_text import DescriptionView

    graph = load_dataset(name, bindings=bindings or (), allow_imports=allow_imports or ())
    found = describe_dataset(graph.factory()(data_folders(data_dir)))
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        make_console().print(DescriptionView(found))
