"""``ccd similar``: the items most like one, by a finished run."""

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


def similar(
    folder: RunDir,
    item: Annotated[str, typer.Option("--item", metavar="ID", help="The item.")],
    space: Annotated[
        str,
        typer.Option(
            "--space",
            metavar="SPACE",
            help="Compare the vectors that were trained, those that DMA aligned, or the features "
            "of a modality: trained, aligned, or its name.",
        ),
    ] = "trained",
    variant: Variant = None,
    seed: Seed = None,
    k: Annotated[int, typer.Option("--k", metavar="K", min=1, help="How many items.")] = 10,
    data_dir: DataDir = None,
    new_items: NewItemsDir = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object for each item.")
    ] = False,
    allow_imports: AllowImports = None,
) -> None:
    """List the items most like one, by the cosine of their vectors."""
    refuse_missing(folder)

    from ccd.files import json_line
    from ccd.finished.similar import similar as similar_items
    from ccd.terminal.console import make_console
    from ccd.views.recommended_text import SimilarView

    found = similar_items(
        folder, item, k, space=space, variant=variant, seed=seed, data_dir=data_dir,
        new_items=new_items, allow_imports=allow_imports or (),
    )  # fmt: skip
    if as_json:
        for record in found.records():
            print(json_line(record))
        return
    make_console().print(SimilarView(found))
