"""``ccd recommend``: the best items for users, by a finished run."""

from __future__ import annotations

from pathlib import Path
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


def recommend(
    folder: RunDir,
    variant: Variant = None,
    seed: Seed = None,
    users: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer reads annotations at run time
        typer.Option(
            "--user", metavar="ID", help="Recommend to this user; to all if left out. Repeatable."
        ),
    ] = None,
    k: Annotated[
        int, typer.Option("--k", metavar="K", min=1, help="How many items each user gets.")
    ] = 10,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--out",
            metavar="FILE",
            help="Write the lists to this file: .parquet, .csv or .jsonl.",
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object for each user.")
    ] = False,
    allow_imports: AllowImports = None,
) -> None:
    """List the best items for users, by the model that a finished run saved.

    Items that a user already has in the data set are left out. Ids are those of the data set's
    files.
    """
    refuse_missing(folder)

    from ccd.errors import ConfigError
    from ccd.files import json_line
    from ccd.finished.runs import choose_run

    if out is None and not users:
        raise ConfigError(
            "without --user, the lists of all users are written, which needs a file",
            keys=("--out", "--user"),
            hint="name a file with --out FILE.parquet, .csv or .jsonl, or users with --user ID",
        )
    if out is not None and as_json:
        raise ConfigError(
            "--json writes to standard output, --out to a file",
            keys=("--json", "--out"),
            hint="leave out --out, or use --out with a .jsonl file and no --json",
        )
    run = choose_run(folder, variant, seed, allow_imports or ())

    from ccd.finished.recommendations import recommend as recommend_items
    from ccd.terminal.console import make_console
    from ccd.views.recommended_files import refuse_format, write
    from ccd.views.recommended_text import RecommendedView

    if out is not None:
        refuse_format(out)
    say_left_out(folder)
    found = recommend_items(run, users or None, k, data_dir=data_dir)
    if as_json:
        for record in found.records():
            print(json_line(record))
        return
    if out is not None:
        write(found, out)
    make_console().print(RecommendedView(found, out))
