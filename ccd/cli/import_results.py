"""``ccd import-results``: the lists of another program, measured like a run of ccd's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ccd.cli.options import CHOICE, FILES, SETTINGS, AllowImports, DataDir


def import_results(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Lists: a .tsv, .csv or .parquet file with the columns user, item and score or "
            "rank, or a TREC run file (.trec, .run).",
            show_default=False,
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="VARIANT",
            help="What the table calls it; the file's name if left out.",
            rich_help_panel=CHOICE,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            metavar="N",
            help="The seed whose runs it is paired with; the folder's first if left out.",
            rich_help_panel=CHOICE,
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="NAME",
            help="The data set of the lists; that of the run folder if left out.",
            rich_help_panel=SETTINGS,
        ),
    ] = None,
    rows: Annotated[
        bool,
        typer.Option(
            "--rows",
            help="Users and items are row numbers, although the data set's files have other ids.",
            rich_help_panel=SETTINGS,
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Add it to this run folder; a new one in runs/ if left out.",
            rich_help_panel=FILES,
        ),
    ] = None,
    data_dir: DataDir = None,
    allow_imports: AllowImports = None,
) -> None:
    """Bring the lists of another program into a comparison, as one more variant.

    The lists are masked, ranked and measured like those of a run, so that compare, diff, plot and
    report treat it as any other. Equal scores are ordered by rank.
    """
    from ccd.cli.run import show_results
    from ccd.progress.observers import choose_observer
    from ccd.score_import import import_results as bring_in

    observer = choose_observer()
    bring_in(
        file,
        name=name,
        seed=seed,
        dataset=dataset,
        rows=rows,
        data_dir=data_dir,
        out=out,
        allow_imports=allow_imports or (),
        observer=observer,
    )
    show_results(observer)
