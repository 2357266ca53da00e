"""``ccd report``: finished runs as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ccd.cli.options import AllowImports, Bindings, DataDir, Storage, refuse_missing


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
    storage: Storage = None,
    bindings: Bindings = None,
    data_dir: DataDir = None,
    allow_imports: AllowImports = None,
) -> None:
    """Write one self-contained HTML page: tables, statistics, figures, config, data, machine.

    Of a study ('runs/search/NAME', or its name and --storage): history, what mattered, all trials.
    """
    if storage is None:
        refuse_missing(*folders)

    from ccd.config.part import load_part
    from ccd.datasets.locate import data_folders
    from ccd.errors import ConfigError
    from ccd.files import refuse_target, write_text
    from ccd.views.page import collect, to_html
    from ccd.views.study_page import is_study

    if out is not None:
        refuse_target(out)
    studies = [folder for folder in folders if storage is not None or is_study(folder)]
    if studies:
        if len(folders) > 1:
            raise ConfigError(
                "a study has a page of its own", where=studies[0], hint="name it alone"
            )
        _report_study(str(studies[0]), storage, out)
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
    path = out or folders[0] / "report.html"
    write_text(path, to_html(page))
    print(path)


def _report_study(name: str, storage: str | None, out: Path | None) -> None:
    from ccd.files import write_text
    from ccd.search.studies import find_study
    from ccd.views.study_page import study_html

    opened = find_study(name, storage)
    path = out or opened.file("report.html")
    write_text(path, study_html(opened))
    print(path)
