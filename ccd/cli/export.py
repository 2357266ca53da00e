"""``ccd export``: a run's vectors in formats that other programs read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

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


def export(
    folder: RunDir,
    to: Annotated[
        Path,
        typer.Option("--to", metavar="DIR", help="Write to this folder.", show_default=False),
    ],
    variant: Variant = None,
    seed: Seed = None,
    indexes: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer reads annotations at run time
        typer.Option(
            "--index",
            metavar="KIND",
            help="Also build an approximate index over the items: usearch (the one that 'ccd "
            "serve' uses), hnswlib or faiss. Repeatable.",
        ),
    ] = None,
    new_items: NewItemsDir = None,
    data_dir: DataDir = None,
    allow_imports: AllowImports = None,
) -> None:
    """Write a run's vectors, ids, seen items and a model card, for other programs to use.

    Inner products of the vectors are the model's scores. An older export in DIR is replaced in one
    step.
    """
    refuse_missing(folder, *([new_items] if new_items is not None else []))

    from ccd.errors import ConfigError
    from ccd.serving.layout import INDEX_FILES
    from ccd.suggestions import did_you_mean

    for kind in indexes or ():
        if kind not in INDEX_FILES:
            raise ConfigError(
                f"there is no index '{kind}'",
                keys=("--index",),
                hint=did_you_mean(kind, INDEX_FILES, list_all=True),
            )

    from ccd.finished.runs import choose_run
    from ccd.serving.export import export as export_run

    run = choose_run(folder, variant, seed, allow_imports or ())
    made = export_run(run, to, data_dir=data_dir, new_items=new_items, indexes=indexes or ())
    for name, size in made.sizes.items():
        print(f"{size:>14,} bytes  {name}")
    print(f"exported {run.result.variant}, seed {run.result.seed}: {made.folder}")
