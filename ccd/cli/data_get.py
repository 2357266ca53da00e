"""``ccd data get``: fetch a public data set from its home."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from ccd.cli.options import FILES


def get(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Such as ml-1m, lastfm, baby or amazon2023-All_Beauty; all are listed if left "
            "out.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Put the files into this folder; data/NAME if left out.",
            rich_help_panel=FILES,
        ),
    ] = None,
    from_dir: Annotated[
        Path | None,
        typer.Option(
            "--from-dir",
            metavar="DIR",
            help="Take the files from this folder, and download nothing.",
            rich_help_panel=FILES,
        ),
    ] = None,
) -> None:
    """Fetch a public data set, go on where a download broke off, and check what came."""
    from ccd.cli.progress_bar import ProgressBar
    from ccd.importing.download import get_files
    from ccd.importing.homes import find_home, home_names
    from ccd.terminal.stdout import say

    if name is None:
        for known in home_names():
            say(known)
        return
    home = find_home(name)
    folder = out or Path("data") / name
    if from_dir is None:
        for file in home.files:
            if file.url and not (folder / file.name).is_file():
                say(f"downloads {file.url}")
    with ProgressBar("getting files") as progress:
        found = get_files(home, folder, from_dir=from_dir, progress=progress)
    for file, path in zip(home.files, found, strict=True):
        checked = f"{file.digest.split(':')[0]} is right" if file.digest else "no checksum is known"
        say(f"{path}: {path.stat().st_size:,} bytes, {checked}")
    say(f"from: {home.terms}")
    if home.use:
        say(f"next: {home.use.replace('DIR', shlex.quote(str(folder)))}")
