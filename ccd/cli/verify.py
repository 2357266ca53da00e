"""``ccd verify``: the paper's numbers beside those of a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ccd.cli.options import refuse_missing


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run folder, finished or not.")],
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="NAME",
            help="The paper's baby, sports or clothing; the name of the run's data if left out.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Write Markdown.")] = False,
) -> None:
    """Compare the finished runs of a folder with the paper's Tables 2 and 3.

    A variant is matched to the paper's row of the same name; the recipes table2 and table3 use
    these names. The verdicts are for reading: whatever they are, the exit code is 0. A folder of
    which no run is a row of the paper is refused, with exit code 2.
    """
    refuse_missing(folder)

    import json

    from ccd.analysis import verification
    from ccd.errors import ConfigError
    from ccd.terminal.console import make_console
    from ccd.views.verification_text import VerificationView, to_markdown

    if as_json and as_markdown:
        raise ConfigError(
            "--json and --markdown exclude one another",
            keys=("--json", "--markdown"),
            hint="give one of them",
        )
    found = verification.verify(folder, dataset)
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
    elif as_markdown:
        print(to_markdown(found), end="")
    else:
        make_console().print(VerificationView(found))
