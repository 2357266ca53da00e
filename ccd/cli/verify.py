"""``ccd verify``: published numbers beside those of a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ccd.cli.options import refuse_missing


def verify(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder that 'ccd run' wrote, finished or not.")
    ],
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="NAME",
            help="Compare with the paper's baby, sports or clothing; with the run's data set if "
            "left out.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
) -> None:
    """Compare the finished runs of a folder with the paper's Tables 2 and 3.

    A variant is compared with the paper's row of the same name; recipes/table2.gin and
    recipes/table3.gin use these names. The toolbox's published figures are beside theirs too, and
    CCDRec's gain over a backbone is beside the paper's, also on data that the paper lacks. The exit
    code is 0 whatever the verdicts are, and 2 where no run is a row of the paper.
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
