"""``ccd data``: import a data set, and look at one without training on it."""

from __future__ import annotations

from typing import Annotated

import typer

from ccd.cli.data_get import get
from ccd.cli.data_import import import_, split
from ccd.cli.data_use import check, convert
from ccd.cli.options import AllowImports, Bindings, DataDir, DatasetArgument

data = typer.Typer(help="Import a data set, or look at one.", no_args_is_help=True)
data.command("import", no_args_is_help=True)(import_)
data.command("split", no_args_is_help=True)(split)
data.command("check")(check)
data.command("get")(get)
data.command("convert", no_args_is_help=True)(convert)


@data.command("describe")
def describe(
    name: DatasetArgument,
    data_dir: DataDir = None,
    bindings: Bindings = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    allow_imports: AllowImports = None,
) -> None:
    """Count users, items, interactions, features and cold starts, and show their distribution."""
    import json

    from ccd.config.dataset import load_dataset
    from ccd.config.files import data_dir_of
    from ccd.datasets.describe import describe as describe_dataset
    from ccd.datasets.locate import data_folders
    from ccd.terminal.console import make_console
    from ccd.views.data_text import DescriptionView

    graph = load_dataset(name, bindings=bindings or (), allow_imports=allow_imports or ())
    found = describe_dataset(graph.factory()(data_folders(data_dir_of(name, data_dir))))
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        make_console().print(DescriptionView(found))
