"""``ccd data check`` and ``convert``: look at any data set, and hand it to other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ccd.cli.options import FILES, AllowImports, Bindings, DataDir, DatasetArgument
from ccd.errors import DataError


def check(
    name: DatasetArgument,
    data_dir: DataDir = None,
    bindings: Bindings = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    allow_imports: AllowImports = None,
) -> None:
    """Look for everything that can be wrong with data, without training."""
    import json
    from dataclasses import asdict

    from ccd.config.dataset import load_dataset
    from ccd.config.files import data_dir_of, dataset_folder
    from ccd.datasets.locate import data_folders
    from ccd.importing.checking import check_data
    from ccd.terminal.console import make_console
    from ccd.views.checks_text import print_checks

    graph = load_dataset(name, bindings=bindings or (), allow_imports=allow_imports or ())
    folders = data_folders(data_dir_of(name, data_dir))
    checks = list(check_data(lambda: graph.factory()(folders), dataset_folder(name)))
    usable = all(one.status != "problem" for one in checks)
    if as_json:
        print(json.dumps({"usable": usable, "checks": [asdict(one) for one in checks]}, indent=2))
    else:
        console = make_console()
        print_checks(console, checks)
        console.print("recipes can train on this" if usable else "recipes cannot train on this")
    if not usable:
        raise typer.Exit(DataError.exit_code)


def convert(
    name: DatasetArgument,
    to: Annotated[
        Literal["mmrec", "recbole", "lenskit"],
        typer.Option("--to", help="The tool that is to read it.", show_default=False),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Write the files into this folder.",
            rich_help_panel=FILES,
            show_default=False,
        ),
    ],
    data_dir: DataDir = None,
    bindings: Bindings = None,
    allow_imports: AllowImports = None,
) -> None:
    """Write a data set in the format of another tool: the same ids, splits and features."""
    from ccd.config.dataset import load_dataset
    from ccd.config.files import data_dir_of
    from ccd.datasets.locate import data_folders
    from ccd.importing.convert import convert as convert_dataset
    from ccd.importing.folder import refuse_taken
    from ccd.terminal.stdout import say

    refuse_taken(out, overwrite=False)
    graph = load_dataset(name, bindings=bindings or (), allow_imports=allow_imports or ())
    dataset = graph.factory()(data_folders(data_dir_of(name, data_dir)))
    for file in convert_dataset(dataset, to, out):
        say(str(out / file))
