"""``ccd show``: the resolved config graph of a recipe."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from ccd.cli.options import CHOICE, AllowImports, Bindings, DatasetName, RecipePath, WithFiles
from ccd.cli.recipe_command import loaded_recipe


class GraphFormat(str, Enum):
    """How the graph is written."""

    TREE = "tree"
    MERMAID = "mermaid"
    JSON = "json"


def show(
    recipe: RecipePath,
    variant: Annotated[
        list[str] | None,
        typer.Option(
            "--variant",
            metavar="VARIANT",
            help="Show this variant only. Repeatable.",
            rich_help_panel=CHOICE,
        ),
    ] = None,
    dataset: DatasetName = None,
    with_files: WithFiles = None,
    bindings: Bindings = None,
    allow_imports: AllowImports = None,
    form: Annotated[
        GraphFormat, typer.Option("--format", help="How to print it.")
    ] = GraphFormat.TREE,
) -> None:
    """Show every setting of a recipe, where each was set, and what the variants differ in."""
    import json

    loaded = loaded_recipe(
        recipe,
        dataset=dataset,
        with_files=with_files,
        bindings=bindings,
        only=variant,
        allow_imports=allow_imports,
    )
    from ccd.config.export import to_json, to_mermaid
    from ccd.config.render import render
    from ccd.terminal.console import make_console

    if form is GraphFormat.TREE:
        make_console().print(render(loaded))
    elif form is GraphFormat.MERMAID:
        print(to_mermaid(loaded), end="")
    else:
        print(json.dumps(to_json(loaded), indent=2))
