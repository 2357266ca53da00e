"""``ccd explain``: where a score comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from ccd.cli.options import (
    AllowImports,
    DataDir,
    NewItemsDir,
    RunDir,
    Seed,
    Variant,
    refuse_missing,
)


def explain(
    folder: RunDir,
    user: Annotated[str, typer.Option("--user", metavar="ID", help="The user.")],
    item: Annotated[str, typer.Option("--item", metavar="ID", help="The item.")],
    variant: Variant = None,
    seed: Seed = None,
    data_dir: DataDir = None,
    new_items: NewItemsDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    allow_imports: AllowImports = None,
) -> None:
    """Show where an item's score for a user comes from, and the user's own items nearest to it."""
    refuse_missing(folder)

    from ccd.files import json_line
    from ccd.finished.explanation import explain as explain_score
    from ccd.terminal.console import make_console
    from ccd.views.recommended_text import ExplainedView

    found = explain_score(
        folder, user, item, variant=variant, seed=seed, data_dir=data_dir,
        new_items=new_items, allow_imports=allow_imports or (),
    )  # fmt: skip
    if as_json:
        print(json_line(found.to_json()))
        return
    make_console().print(ExplainedView(found))
