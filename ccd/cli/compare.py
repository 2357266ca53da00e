"""``ccd compare``: finished runs side by side, with statistics."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Optional

import typer

from ccd.cli.options import AllowImports, Bindings, DataDir, refuse_missing


class Format(str, Enum):
    """How the comparison is written."""

    TABLE = "table"
    MARKDOWN = "markdown"
    LATEX = "latex"
    CSV = "csv"
    JSON = "json"


def compare(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Run folders, or runs' own folders.")
    ],
    baseline: Annotated[
        Optional[str],  # noqa: UP045 - typer reads annotations at run time
        typer.Option("--baseline", metavar="VARIANT", help="Compare with this; else the recipe's."),
    ] = None,
    metrics: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--metric", metavar="NAME", help="Such as recall@20; may be repeated."),
    ] = None,
    slices: Annotated[
        bool, typer.Option("--slices", help="Also by kinds of users and items; needs the data.")
    ] = False,
    beyond: Annotated[
        bool, typer.Option("--beyond", help="Also coverage, Gini, novelty, diversity; needs data.")
    ] = False,
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.TABLE,
    bindings: Bindings = None,
    data_dir: DataDir = None,
    allow_imports: AllowImports = None,
) -> None:
    """Compare finished runs: means, tests over users or seeds, intervals, effects, win and loss.

    How they are compared is gin's: --set "Comparison.test = @t_test", --set "Comparison.over =
    'both'"; 'ccd list comparison' has all settings.
    """
    refuse_missing(*folders)

    import json
    import sys

    from ccd.analysis.comparing import compare as compare_runs
    from ccd.config.part import load_part
    from ccd.datasets.locate import data_folders
    from ccd.terminal.console import make_console
    from ccd.views import comparing_files, comparing_text

    found = compare_runs(
        folders,
        comparison=load_part("Comparison", bindings=bindings or ()).factory()(),
        baseline=baseline,
        metrics=metrics or (),
        slices=slices,
        beyond=beyond,
        data_folders=data_folders(data_dir),
        imports=allow_imports or (),
    )
    if form is Format.TABLE:
        make_console().print(comparing_text.ComparedView(found))
    elif form is Format.JSON:
        print(json.dumps(found.to_json(), indent=2))
    else:
        write = {
            Format.MARKDOWN: comparing_text.to_markdown,
            Format.LATEX: comparing_files.to_latex,
            Format.CSV: comparing_files.to_csv,
        }[form]
        print(write(found), end="")
        if form is Format.CSV:  # which has no place for notes
            for note in found.notes:
                print(f"note: {note}", file=sys.stderr)
