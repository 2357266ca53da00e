"""``ccd plot``: figures of a finished run."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Optional

import typer

from ccd.cli.options import AllowImports, DataDir, RunDir, Seed, Storage, Variant, refuse_missing


class Kind(str, Enum):
    """What is drawn."""

    ABLATION = "ablation"
    CURVES = "curves"
    POOLS = "pools"
    TSNE = "tsne"
    NEGATIVES = "negatives"
    SENSITIVITY = "sensitivity"
    COST = "cost"


def plot(
    kind: Annotated[Kind, typer.Argument(help="Which figure.", show_default=False)],
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
    """Draw a figure of a finished run as PNG and SVG.

    - ablation: metrics of all variants (Figure 3 of the paper)
    - curves: validation metric and loss of each epoch
    - pools: how hard the negatives of each epoch were
    - tsne: item representations before and after training (Figure 4)
    - negatives: a user's positives and hard negatives (Figure 5)
    - sensitivity: a metric against each setting that runs differ in
    - cost: seconds of training
    """
    if storage is None:
        refuse_missing(folder)

    from ccd.datasets.locate import data_folders
    from ccd.errors import ConfigError
    from ccd.figures.plots import Request, plot
    from ccd.figures.style import save
    from ccd.files import refuse_target

    # Of 'c1.png' too the stem is meant; 'deep.name' is a stem.
    named = out.with_suffix("") if out is not None and out.suffix in (".png", ".svg") else out
    if named is not None:
        refuse_target(named.with_name(f"{named.name}.png"))
    study, stem = None, named
    if storage is not None:
        from ccd.search.studies import find_study

        if kind is not Kind.SENSITIVITY:
            raise ConfigError(
                f"--storage names a study, which has no figure '{kind.value}'",
                keys=("--storage",),
                hint=f"draw '{Kind.SENSITIVITY.value}', or leave out --storage",
            )
        opened = find_study(str(folder), storage)
        study, stem = opened.study, named or opened.file(kind.value)
    request = Request(
        folder=folder,
        variant=variant,
        seed=seed,
        metric=metric,
        users=users,
        data_folders=data_folders(data_dir),
        imports=allow_imports or (),
        study=study,
    )
    for path in save(plot(kind.value, request), stem or folder / kind.value):
        print(path)
