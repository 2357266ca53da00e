"""``ccd report``: finished runs as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ccd.cli.names import refuse_unknown_names, refuse_unknown_settings
from ccd.cli.options import AllowImports, ComparisonBindings, DataDir, Storage
from ccd.cli.study import open_study, study_or_folder


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...",
            help="Folders that 'ccd run' wrote, or one study by its name or folder.",
        ),
    ],
    out: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads annotations at run time
        typer.Option(
            "--out",
            metavar="FILE",
            help="Write the page here; report.html in the first DIR if left out.",
        ),
    ] = None,
    baseline: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--baseline",
            metavar="VARIANT",
            help="Compare the others with this variant; the recipe's baseline if left out.",
        ),
    ] = None,
    slices: Annotated[
        bool,
        typer.Option(
            "--slices", help="Add metrics by groups of users and items; reads the data set."
        ),
    ] = False,
    beyond: Annotated[
        bool,
        typer.Option(
            "--beyond", help="Add coverage, Gini, novelty and diversity; reads the data set."
        ),
    ] = False,
    storage: Storage = None,
    bindings: ComparisonBindings = None,
    data_dir: DataDir = None,
    allow_imports: AllowImports = None,
) -> None:
    """Write one HTML page about finished runs: tables, tests, figures, settings and data.

    For a study the page shows how the search went, which settings mattered, and all trials.
    """
    if storage is None:
        folders = [study_or_folder(folder) for folder in folders]

    from ccd.errors import ConfigError
    from ccd.files import write_text
    from ccd.search.folders import is_study
    from ccd.targets import refuse_target

    if out is not None:
        refuse_target(out)
    refuse_unknown_settings(bindings or ())
    studies = [folder for folder in folders if storage is not None or is_study(folder)]
    if studies:
        if len(folders) > 1:
            raise ConfigError(
                "a study has a page of its own", where=studies[0], hint="name it alone"
            )
        _report_study(str(studies[0]), storage, out)
        return
    refuse_unknown_names(folders, baseline=baseline)

    from ccd.config.part import load_part
    from ccd.views.page import collect
    from ccd.views.page_html import to_html

    page = collect(
        folders,
        comparison=load_part("Comparison", bindings=bindings or ()).factory()(),
        baseline=baseline,
        slices=slices,
        beyond=beyond,
        data_dir=data_dir,
        imports=allow_imports or (),
    )
    path = out or folders[0] / "report.html"
    write_text(path, to_html(page))
    print(path)


def _report_study(name: str, storage: str | None, out: Path | None) -> None:
    from ccd.files import write_text
    from ccd.views.study_page import study_html

    opened = open_study(name, storage)
    path = out or opened.file("report.html")
    write_text(path, study_html(opened))
    print(path)
