"""``ccd recommend``: the best items for users, by a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional, cast

import typer

from ccd.cli.options import (
    AllowImports,
    DataDir,
    NewItemsDir,
    RunDir,
    Seed,
    Variant,
    refuse_missing,
    say_left_out,
)

if TYPE_CHECKING:
    from ccd.finished.asking import Unknown

WHICH = "Which items"


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
    users_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--users", metavar="FILE", help="Recommend to the users of this file, an id a line."
        ),
    ] = None,
    history: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--history",
            metavar="ITEM,ITEM,... | FILE",
            help="Recommend to somebody whom the run does not know, who took these items, or to "
            "the users of a table with the columns user and item.",
        ),
    ] = None,
    unknown: Annotated[
        str,
        typer.Option(
            "--unknown",
            metavar="refuse|popular",
            help="What users get of whom nothing is known: a refusal, or popular items.",
        ),
    ] = "refuse",
    items_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--items",
            metavar="FILE",
            help="List only the items of this file, an id a line.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    exclude_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--exclude",
            metavar="FILE",
            help="List none of the items of this file, an id a line.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    exclude_for: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--exclude-for",
            metavar="FILE",
            help="List to a user none of the items that this table, with the columns user and "
            "item, names beside the user.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    keep_seen: Annotated[
        bool,
        typer.Option("--keep-seen", help="List also what users have taken.", rich_help_panel=WHICH),
    ] = False,
    min_popularity: Annotated[
        int,
        typer.Option(
            "--min-popularity",
            metavar="N",
            min=0,
            help="List only items with at least N training interactions.",
            rich_help_panel=WHICH,
        ),
    ] = 0,
    diversity: Annotated[
        float,
        typer.Option(
            "--diversity",
            metavar="0..1",
            help="Towards 1, list ever more those of the 10 K best items that are unlike the items "
            "above them.",
            rich_help_panel=WHICH,
        ),
    ] = 0.0,
    diversity_by: Annotated[
        str,
        typer.Option(
            "--diversity-by",
            metavar="SPACE",
            help="What --diversity compares: trained vectors, aligned ones, or a modality's "
            "features such as text.",
            rich_help_panel=WHICH,
        ),
    ] = "trained",
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
    new_items: NewItemsDir = None,
    data_dir: DataDir = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object for each user.")
    ] = False,
    allow_imports: AllowImports = None,
) -> None:
    """List the best items for users, by the model that a finished run saved.

    Items that a user already has in the data set are left out, unless --keep-seen is given. Ids are
    those of the data set's files.
    """
    refuse_missing(folder, *([new_items] if new_items is not None else []))

    from ccd.errors import ConfigError
    from ccd.files import json_line
    from ccd.finished.runs import choose_run

    if out is None and not users and users_file is None and history is None:
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

    from ccd.cli.id_files import read_history, read_ids, read_items_by_user
    from ccd.cli.progress_bar import ProgressBar
    from ccd.finished.asking import Asked
    from ccd.finished.recommendations import RecommendedBlocks
    from ccd.terminal.console import make_console
    from ccd.views.recommended_files import refuse_format, write
    from ccd.views.recommended_text import RecommendedView, WrittenView

    if out is not None:
        refuse_format(out)
    named = [*(users or ()), *(read_ids(users_file) if users_file is not None else ())]
    asked = Asked(
        users=named or None,
        history=None if history is None else read_history(history),
        k=k,
        items=None if items_file is None else read_ids(items_file),
        exclude=() if exclude_file is None else read_ids(exclude_file),
        exclude_for={} if exclude_for is None else read_items_by_user(exclude_for, "block list"),
        keep_seen=keep_seen,
        min_popularity=min_popularity,
        unknown=cast("Unknown", unknown),  # another word is refused
        diversity=diversity,
        diversity_by=diversity_by,
    )
    say_left_out(folder)
    blocks = RecommendedBlocks(run, asked, data_dir, new_items)
    if out is not None:
        with ProgressBar("listing items") as progress:
            written = write(blocks, out, lambda n: progress("listing items", n / len(blocks.users)))
        make_console().print(WrittenView(written, out))
        return
    for block in blocks:
        if not as_json:
            make_console().print(RecommendedView(block))
            continue
        for record in block.records():
            print(json_line(record))
