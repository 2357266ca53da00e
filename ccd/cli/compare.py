"""``ccd compare``: finished runs side by side, with statistics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Optional

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

    Runs on several data sets make one table with a column for each.
    'ccd list Comparison' explains the settings that --set can change.
    """
    refuse_missing(*folders)
    refuse_unknown_settings(bindings or ())
    refuse_unknown_names(folders, baseline=baseline, metrics=metrics or ())

    from ccd.analysis.across import by_dataset, compare_across
    from ccd.analysis.comparing import compare as compare_runs
    from ccd.config.part import load_part
    from ccd.errors import ConfigError
    from ccd.views import across_text, comparing_files, comparing_text

    how = load_part("Comparison", bindings=bindings or ()).factory()()
    imports = allow_imports or ()
    groups = by_dataset(folders, imports)
    if len(groups) == 1:
        found = compare_runs(
            folders,
            comparison=how,
            baseline=baseline,
            metrics=metrics or (),
            slices=slices,
            beyond=beyond,
            data_dir=data_dir,
            imports=imports,
        )
        _print(
            found,
            form,
            cautions=found.table.cautions,
            view=comparing_text.ComparedView,
            markdown=comparing_text.to_markdown,
            latex=comparing_files.to_latex,
            csv=comparing_files.to_csv,
        )
        return
    if slices or beyond:
        raise ConfigError(
            "--slices and --beyond look into one data set",
            keys=("--slices", "--beyond"),
            found=f"runs on {', '.join(groups)}",
            hint="leave them out, or name runs on one data set",
        )
    across = compare_across(
        groups, comparison=how, baseline=baseline, metrics=metrics or (), imports=imports
    )
    _print(
        across,
        form,
        cautions=across.cautions,
        view=across_text.AcrossView,
        markdown=across_text.to_markdown,
        latex=comparing_files.across_to_latex,
        csv=across_text.to_csv,
    )


def _print(
    found: Any,
    form: Format,
    *,
    cautions: Sequence[str],
    view: Callable[[Any], Any],
    markdown: Callable[[Any], str],
    latex: Callable[[Any], str],
    csv: Callable[[Any], str],
) -> None:
    """Print a comparison in the form that was asked for."""
    import json
    import sys

    from ccd.terminal.console import make_console
    from ccd.terminal.visible import visible

    if form is Format.TABLE:
        make_console().print(view(found))
    elif form is Format.JSON:
        print(json.dumps(found.to_json(), indent=2))
    else:
        write = {Format.MARKDOWN: markdown, Format.LATEX: latex, Format.CSV: csv}[form]
        print(write(found), end="")
    if form is Format.CSV:  # which has no place for them
        for caution in cautions:
            print(f"warning: {visible(caution)}", file=sys.stderr)
        for note in found.notes:
            print(f"note: {visible(note)}", file=sys.stderr)
