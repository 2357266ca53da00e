"""``ccd init``: a project to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A new or empty folder.", show_default=False)
    ],
) -> None:
    """Lay a project to start from: a recipe, its data set, a part of your own, and tests.

    It runs as it is: 'ccd run recipe.gin', and 'pytest'.
    """
    import shlex

    from ccd.starter import lay_starter
    from ccd.terminal.stdout import say

    for name in lay_starter(folder):
        say(f"{folder / name}")
    say(f"next: cd {shlex.quote(str(folder))} && ccd run recipe.gin")
