"""``ccd plot``: figures of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ccd.cli.names import refuse_unknown_names
from ccd.cli.options import (
    AllowImports,
    DataDir,
    RunDir,
    Seed,
    Storage,
    Variant,
    refuse_missing,
    say_left_out,
)
from ccd.cli.study import open_study, study_or_folder
from ccd.figures.catalogue import FIGURES


def _known(kind: str) -> str:
    if kind not in FIGURES:
        raise typer.BadParameter(f"'{kind}' is no figure; choose one of {', '.join(FIGURES)}")
    return kind


PLOT_HELP = "Draw a figure of a finished run as PNG and SVG.\n\n" + "\n".join(
    f"- {name}: {entry.summary}" for name, entry in FIGURES.items()
)


def plot(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="FIGURE",
            help="Which of the figures listed above.",
            show_default=False,
            callback=_known,
            autocompletion=lambda: list(FIGURES),
        ),
    ],
    folder: RunDir,
    variant: Variant = None,
    seed: Seed = None,
    metric: Annotated[
        Optional[str],  # noqa: UP045 - typer reads annotations at run time
        typer.Option(
            "--metric",
            metavar="NAME",
            help="For curves and sensitivity: draw this metric, such as recall@20.",
        ),
    ] = None,
    users: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--users", metavar="N", min=1, max=7, help="For tsne and negatives: show so many users."
        ),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--out", metavar="STEM", help="Write STEM.png and STEM.svg; DIR/KIND if left out."
        ),
    ] = None,
    storage: Storage = None,
    data_dir: DataDir = None,
    allow_imports: AllowImports = None,
) -> None:
    """Draw a figure of a finished run as PNG and SVG."""
    if storage is None and kind == "sensitivity":
        folder = study_or_folder(folder)
    elif storage is None:
        refuse_missing(folder)
        options = FIGURES[kind].options
        refuse_unknown_names(
            [folder],
            variant=variant if "variant" in options else None,
            metrics=[metric] if metric is not None and "metric" in options else [],
            split="valid",
        )

    from ccd.errors import ConfigError
    from ccd.figures.plots import Request, draw
    from ccd.figures.style import save
    from ccd.targets import refuse_target

    # Of 'c1.png' too the stem is meant; 'deep.name' is a stem.
    named = out.with_suffix("") if out is not None and out.suffix in (".png", ".svg") else out
    if named is not None:
        refuse_target(named.with_name(f"{named.name}.png"))
    study, stem = None, named
    if storage is not None:
        if kind != "sensitivity":
            raise ConfigError(
                f"--storage names a study, which has no figure '{kind}'",
                keys=("--storage",),
                hint="draw 'sensitivity', or leave out --storage",
            )
        opened = open_study(str(folder), storage)
        study, stem = opened.study, named or opened.file(kind)
    request = Request(
        folder=folder,
        variant=variant,
        seed=seed,
        metric=metric,
        users=users,
        data_dir=data_dir,
        imports=allow_imports or (),
        study=study,
    )
    say_left_out(folder)
    for path in save(draw(kind, request), stem or folder / kind):
        print(path)
