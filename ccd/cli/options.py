"""Options that several commands share, so that they read and mean the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ccd.errors import ConfigError

SETTINGS = "Settings"
FILES = "Files and data"
CHOICE = "What to use"
"""Headings under which ``--help`` groups options."""

RecipePath = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="A gin file of yours, or one of ccd's such as recipes/ablation_freedom.gin.",
        show_default=False,
    ),
]
DatasetName = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        metavar="NAME",
        help="Use this data set: a name in gin/datasets such as baby, the folder that "
        "'ccd data import' wrote, or a .gin file.",
        rich_help_panel=SETTINGS,
    ),
]
DatasetArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A name in gin/datasets such as baby, the folder of an import, or a .gin file.",
        show_default=False,
    ),
]
WithFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        metavar="FILE",
        help="Add the settings of this gin file. Repeatable.",
        rich_help_panel=SETTINGS,
    ),
]
Bindings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="BINDING",
        help="Change one setting: --set 'Trainer.epochs = 5'. It wins over all files. Repeatable.",
        rich_help_panel=SETTINGS,
    ),
]
ComparisonBindings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="BINDING",
        help="Change how runs are compared: --set 'Comparison.test = @t_test'. Repeatable.",
        rich_help_panel=SETTINGS,
    ),
]
Workers = Annotated[
    int, typer.Option("--workers", metavar="K", min=1, help="Train in so many processes.")
]
AllowImports = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-import",
        metavar="MODULE",
        help="Let gin files import this Python module, which runs its code. Repeatable.",
        rich_help_panel=SETTINGS,
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Look for data sets in this folder first.",
        rich_help_panel=FILES,
    ),
]
NewItemsDir = Annotated[
    Path | None,
    typer.Option(
        "--new-items",
        metavar="DIR",
        help="Add items that came after training, by their features: a folder that 'ccd data "
        "import' wrote, or one with a file of vectors with ids for each modality, called like it.",
        rich_help_panel=FILES,
    ),
]
RunDir = Annotated[
    Path,
    typer.Argument(
        metavar="DIR",
        help="The folder that 'ccd run' wrote, or the folder of one run in it.",
        show_default=False,
    ),
]


def refuse_missing(*folders: Path) -> None:
    """Refuse a folder that does not exist, before anything heavy is imported.

    Raises:
        ConfigError: It does not exist; the message names the folder beside it that is most like it.
    """
    from ccd.suggestions import closest

    for folder in folders:
        if folder.is_dir():
            continue
        beside = folder.parent.iterdir() if folder.parent.is_dir() else ()
        near = closest(folder.name, (path.name for path in beside if path.is_dir()))
        hint = f"did you mean {folder.parent / near}?" if near else "name a folder that exists"
        raise ConfigError("this is no folder", where=folder, hint=hint)


def say_left_out(folder: Path) -> None:
    """Say on standard error which runs of a folder cannot be used, so are left out."""
    import sys

    from ccd.finished.runs import left_out
    from ccd.terminal.visible import visible

    for note in left_out(folder):
        print(f"note: {visible(note)}", file=sys.stderr)


Variant = Annotated[
    str | None,
    typer.Option(
        "--variant",
        metavar="NAME",
        help="Use this variant; the last if left out.",
        rich_help_panel=CHOICE,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="N",
        help="Use this seed; the first if left out.",
        rich_help_panel=CHOICE,
    ),
]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        help="Where a study is kept: postgresql://..., redis://..., sqlite:///FILE or "
        "journal:FILE. If left out, a journal file in the study's folder.",
        rich_help_panel=FILES,
    ),
]
