"""``ccd plan``: what a recipe will cost, before it is run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from ccd.cli.options import (
    CHOICE,
    AllowImports,
    Bindings,
    DataDir,
    DatasetName,
    RecipePath,
    WithFiles,
)
from ccd.cli.recipe_command import loaded_recipe
from ccd.errors import ConfigError, ResourceError

if TYPE_CHECKING:
    from ccd.planning import VariantPlan

_UNITS = {"MB": 1, "GB": 1024, "TB": 1024**2}


def plan(
    recipe: RecipePath,
    only: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer reads annotations at run time
        typer.Option(
            "--only",
            metavar="VARIANT",
            help="Plan this variant only. Repeatable.",
            rich_help_panel=CHOICE,
        ),
    ] = None,
    dataset: DatasetName = None,
    data_dir: DataDir = None,
    with_files: WithFiles = None,
    bindings: Bindings = None,
    memory: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--memory", metavar="SIZE", help="Exit with 5 where a run needs more: 6GB."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object for each variant.")
    ] = False,
    allow_imports: AllowImports = None,
) -> None:
    """Say how long each variant will train and how much memory it will take.

    A few steps, a reverse process and a validation of the real parts are made and timed; nothing is
    kept. Other programs on this machine make it slower, now as later.
    """
    import json
    from dataclasses import asdict

    limit = megabytes(memory)
    loaded = loaded_recipe(
        recipe,
        dataset=dataset,
        with_files=with_files,
        bindings=bindings,
        only=only,
        allow_imports=allow_imports,
    )
    from ccd import planning
    from ccd.config.files import data_dir_of
    from ccd.terminal.console import make_console
    from ccd.views.plan_text import PlanView

    plans = []
    try:
        for each in planning.plan(loaded, data_dir_of(dataset, data_dir)):
            plans.append(each)
            if as_json:
                record = {**asdict(each), "seconds_per_epoch": each.seconds_per_epoch}
                print(json.dumps({**record, "seconds": each.seconds(each.max_epochs)}), flush=True)
    finally:  # what was measured is told, whatever stops the rest
        if plans and not as_json:
            make_console().print(PlanView(loaded, plans))
    _refuse_more_than(limit, plans)


def megabytes(text: str | None) -> float | None:
    """MB (2**20 bytes) in ``6GB`` or ``500MB``.

    Raises:
        ConfigError: It is something else.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([MGT]B)", text)
    if match is None:
        what = "--memory must be a size"
        raise ConfigError(what, keys=("--memory",), found=text, hint="write 500MB or 6GB")
    return float(match[1]) * _UNITS[match[2]]


def _refuse_more_than(limit: float | None, plans: list[VariantPlan]) -> None:
    """Refuse variants that need more memory than there is to be.

    Raises:
        ResourceError: One does.
    """
    largest = max(plans, key=lambda each: each.peak_mb)
    if limit is not None and largest.peak_mb > limit:
        raise ResourceError(
            f"'{largest.variant}' needs {largest.peak_mb:,.0f} MB, more than {limit:,.0f} MB",
            keys=("--memory",),
            hint="lower Experiment.dim or Trainer.batch_size, or store features as float16",
        )
