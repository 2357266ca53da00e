"""Options that several commands share, so that they read and mean the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ccd.errors import ConfigError

RecipePath = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="A gin file; one of ccd's own where no such file exists here.",
        show_default=False,
    ),
]
DatasetName = Annotated[
    str | None,
    typer.Option(
        "--dataset", metavar="NAME", help="A data set of 'gin/datasets', or a path ending in .gin."
    ),
]
WithFiles = Annotated[
    list[str] | None,
    typer.Option("--with", metavar="FILE", help="A gin file to add, after the variant's modules."),
]
Bindings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="BINDING", help="One more binding, the last to win: 'Trainer.epochs = 5'."
    ),
]
AllowImports = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-import", metavar="NAME", help="A Python module that gin files may import."
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="Folder that holds your data sets."),
]
RunDir = Annotated[
    Path, typer.Argument(metavar="DIR", help="A run folder, or a run's own folder in it.")
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


Variant = Annotated[
    str | None,
    typer.Option("--variant", metavar="NAME", help="Which variant; by default the last."),
]
Seed = Annotated[
    int | None, typer.Option("--seed", metavar="N", help="Which seed; by default the first.")
]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        help="Of a study: postgresql://..., redis://..., sqlite:///FILE or journal:FILE; "
        "a journal file in the study's folder if left out.",
    ),
]
