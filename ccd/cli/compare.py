"""``ccd compare``: finished runs side by side, with statistics."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Optional

import typer

from ccd.cli.names import refuse_unknown_names, refuse_unknown_settings
from ccd.cli.options import AllowImports, ComparisonBindings, DataDir, refuse_missing


class Format(str, Enum):
    """How the comparison is written."""

    TABLE = "table"
    MARKDOWN = "markdown"
    LATEX = "latex"
    CSV = "csv"
    JSON = "json"


def compare(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...",
            help="Folders that 'ccd run' wrote, or folders of single runs in them.",
        ),
    ],
    baseline: Annotated[
        Optional[str],  # noqa: UP045 - typer reads annotations at run time
        typer.Option(
            "--baseline",
            metavar="VARIANT",
            help="Compare the others with this variant; the recipe's baseline if left out.",
        ),
    ] = None,
    metrics: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--metric", metavar="NAME", help="Show this metric, such as recall@20. Repeatable."
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
    form: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TABLE,
    bindings: ComparisonBindings = None,
    data_dir: DataDir = None,
    allow_imports: AllowImports = None,
) -> None:
    """Compare finished runs: means, significance tests, confidence intervals and effect sizes.

    'ccd list Comparison' explains the settings that --set can change.
    """
    refuse_missing(*folders)
    refuse_unknown_settings(bindings or ())
    refuse_unknown_names(folders, baseline=baseline, metrics=metrics or ())

    import json
    import sys

    from ccd.analysis.comparing import compare as compare_runs
    from ccd.config.part import load_part
    from ccd.terminal.console import make_console
    from ccd.views import comparing_files, comparing_text

    found = compare_runs(
        folders,
        comparison=load_part("Comparison", bindings=bindings or ()).factory()(),
        baseline=baseline,
        metrics=metrics or (),
        slices=slices,
        beyond=beyond,
        data_dir=data_dir,
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
