"""``ccd report``: finished runs as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ccd.cli.options import AllowImports, Bindings, DataDir


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Run folders, or runs' own folders; or one study's."),
    ],
    out: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads annotations at run time
        typer.Option("--out", metavar="FILE", help="The page; else report.html in the first DIR."),
    ] = None,
    baseline: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--baseline", metavar="VARIANT", help="Compare with this; else the recipe's."),
    ] = None,
    slices: Annotated[
        bool, typer.Option("--slices", help="Also by kinds of users and items; needs the data.")
    ] = False,
    beyond: Annotated[
        bool, typer.Option("--beyond", help="Also coverage, Gini, novelty, diversity; needs data.")
    ] = False,
    bindings: Bindings = None,
    data_dir: DataDir = None,
    allow_imports: AllowImports = None,
) -> None:
    """Write one self-contained HTML page: tables, statistics, figures, config, data, machine.

    Of a study ('runs/search/NAME'): its history, what mattered, and all trials.
    """
    from ccd.config.part import load_part
    from ccd.datasets.locate import data_folders
    from ccd.errors import ConfigError
    from ccd.reports.page import collect, to_html
    from ccd.reports.study_page import is_study, study_html
    from ccd.runs.files import write_text

    path = out or folders[0] / "report.html"
    studies = [folder for folder in folders if is_study(folder)]
    if studies:
        if len(folders) > 1:
            raise ConfigError(
                f"{studies[0]} is a study, which has a page of its own; name it alone"
            )
        write_text(path, study_html(folders[0]))
        print(path)
        return
    page = collect(
        folders,
        comparison=load_part("Comparison", bindings=bindings or ()).factory()(),
        baseline=baseline,
        slices=slices,
        beyond=beyond,
        data_folders=data_folders(data_dir),
        imports=allow_imports or (),
    )
    write_text(path, to_html(page))
    print(path)
