"""``ccd search status`` and the others that look at a study, or say what becomes of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ccd.cli.options import Storage
from ccd.errors import ConfigError

if TYPE_CHECKING:
    from ccd.search.studies import Opened

StudyName = Annotated[
    str,
    typer.Argument(metavar="STUDY", help="The name of a study, or its folder.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
WithTest = Annotated[
    bool,
    typer.Option(
        "--test", help="Test the best setting at the end, on the seeds of Search.test_seeds."
    ),
]


def open_study(name: str, storage: str | None) -> Opened:
    """A study that exists, by its name or folder; what was lost from it is said on stderr.

    Raises:
        CcdError: There is none, or it cannot be opened.
    """
    from ccd.search.studies import find_study

    opened = find_study(name, storage)
    say_lost(opened)
    return opened


def say_lost(opened: Opened) -> None:
    """Say on stderr what was lost from a study's journal."""
    for note in opened.store.notes:
        print(f"note: {note}", file=sys.stderr)


def study_or_folder(path: Path) -> Path:
    """``path``, or the folder of the study in ``runs/search`` that is called so.

    Raises:
        ConfigError: There is neither.
    """
    from ccd.cli.options import refuse_missing
    from ccd.search.folders import find_folder, is_study

    found = path if path.is_dir() else find_folder(str(path))
    if is_study(found):
        return found
    refuse_missing(path)
    return path


def status(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="[STUDY]",
            help="The name of a study, or its folder; all studies are listed if left out.",
            show_default=False,
        ),
    ] = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Show how a study stands, or all studies with a line each."""
    import json

    from ccd.cli.search_output import resume_command, show_studies
    from ccd.search.folders import STUDIES_FOLDER
    from ccd.search.studies import list_studies
    from ccd.terminal.console import make_console

    if study is None:
        listed = list_studies(storage)
        show_studies(listed, storage or f"{STUDIES_FOLDER}", as_json)
        for each in listed:
            if each.opened is not None:
                say_lost(each.opened)
        return
    opened = open_study(study, storage)

    from ccd.search.summary import summarise
    from ccd.views.search_text import status_view

    summary = summarise(opened.study)
    if as_json:
        print(json.dumps(summary.to_json(), indent=2))
    else:
        make_console().print(status_view(summary, resume_command(opened)))


def best(
    study: StudyName, storage: Storage = None, test: WithTest = False, as_json: AsJson = False
) -> None:
    """Show the best trials and write the winner as a gin file."""
    opened = open_study(study, storage)

    from ccd.cli.search_output import show_best, show_test

    show_best(opened, as_json)
    if test:
        show_test(opened, as_json)


def stop(study: StudyName, storage: Storage = None) -> None:
    """Ask all workers of a study, on whatever machine, to stop after their epoch."""
    opened = open_study(study, storage)

    from ccd.cli.search_output import resume_command
    from ccd.search.study import STOP

    opened.study.set(STOP, True)
    print(f"asked the workers of '{study}' to stop; to go on: {resume_command(opened)}")


def export(
    study: StudyName,
    storage: Storage = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Write to this file, .csv or .json; print if left out."
        ),
    ] = None,
    form: Annotated[
        Literal["csv", "json"], typer.Option("--format", help="What is printed.")
    ] = "csv",
) -> None:
    """Write all trials, one per row, to a file or to standard output."""
    from ccd.files import write_text
    from ccd.targets import refuse_target

    if out is not None and out.suffix not in (".csv", ".json"):
        raise ConfigError(
            "--out must be a file that ends in .csv or .json", keys=("--out",), found=str(out)
        )
    if out is not None:
        refuse_target(out)
    opened = open_study(study, storage)

    from ccd.search.result import trials_as_csv, trials_as_json
    from ccd.search.summary import ended_trials

    ended = ended_trials(opened.study)
    kind = out.suffix[1:] if out is not None else form
    text = trials_as_json(ended) if kind == "json" else trials_as_csv(ended)
    if out is None:
        print(text, end="")
    else:
        write_text(out, text)
        print(f"trials: {out}")
