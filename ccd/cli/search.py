"""``ccd search``: a study over the settings of a recipe, and what becomes of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ccd.cli.options import (
    AllowImports,
    Bindings,
    DataDir,
    DatasetName,
    RecipePath,
    Storage,
    WithFiles,
    Workers,
)
from ccd.cli.recipe_command import RecipeCommand, refuse_wrong_words
from ccd.cli.study import (
    AsJson,
    StudyName,
    WithTest,
    best,
    export,
    open_study,
    say_lost,
    status,
    stop,
)
from ccd.errors import ConfigError

if TYPE_CHECKING:
    from ccd.search.studies import Opened

_START = "RECIPE"


class _RecipeOrCommand(TyperGroup):
    """``ccd search RECIPE`` beside ``ccd search status STUDY``.

    A first word that is a sub-command's name is that sub-command; anything else begins a study. A
    recipe of such a name is written ``./status``.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        helps = ctx.help_option_names
        if args and args[0] not in self.commands and args[0] not in helps:
            _refuse_misspelt(args[0], [name for name in self.commands if name != _START])
            args = [_START, *args]
        return super().parse_args(ctx, args)


def _refuse_misspelt(word: str, commands: list[str]) -> None:
    from ccd.suggestions import closest

    near = closest(word, commands) if word.isalpha() else None
    if near is not None and not Path(word).exists():
        what = f"'{word}' is neither a recipe nor a sub-command"
        raise ConfigError(what, hint=f"did you mean {near}?")


search = typer.Typer(
    cls=_RecipeOrCommand,
    no_args_is_help=True,
    subcommand_metavar="RECIPE [OPTIONS] | status|best|stop|resume|export STUDY",
    help="Search for the best settings of a recipe: 'ccd search RECIPE', whose options "
    "'ccd search RECIPE --help' shows. A search is kept as a study.",
)

Trials = Annotated[
    int | None,
    typer.Option(
        "--trials",
        metavar="N",
        min=1,
        help="How many trials the study has in all, those already done included.",
    ),
]
Timeout = Annotated[
    str | None,
    typer.Option("--timeout", metavar="T", help="Begin no trial after this time: 90s, 30m or 8h."),
]


@search.command(_START, cls=RecipeCommand, help="Begin a study, or go on with it if it exists.")
def start(
    recipe: RecipePath,
    trials: Trials = None,
    storage: Storage = None,
    study: Annotated[
        str | None,
        typer.Option(
            "--study",
            metavar="NAME",
            help="Name the study; by default after the recipe and the data set.",
        ),
    ] = None,
    workers: Workers = 1,
    timeout: Timeout = None,
    dataset: DatasetName = None,
    data_dir: DataDir = None,
    with_files: WithFiles = None,
    bindings: Bindings = None,
    test: WithTest = False,
    as_json: AsJson = False,
    allow_imports: AllowImports = None,
) -> None:
    """Search the space of a recipe on the validation split."""
    limit = seconds_of(timeout)
    refuse_wrong_words(
        recipe,
        dataset=dataset,
        with_files=with_files or (),
        bindings=bindings or (),
        allow_imports=allow_imports or (),
    )
    from ccd.search.launch import begin
    from ccd.search.target import Source

    source = Source(
        recipe,
        dataset=dataset,
        data_dir=str(data_dir) if data_dir is not None else None,
        with_files=tuple(with_files or ()),
        bindings=tuple(bindings or ()),
        allow_imports=tuple(allow_imports or ()),
    )
    opened = begin(
        source, name=study, storage=storage, workers=workers, trials=trials, timeout=limit
    )
    say_lost(opened)
    _run(opened, workers, test, as_json)


@search.command("resume", help="Go on with a study, as it was begun.")
def resume(
    study: StudyName,
    trials: Trials = None,
    storage: Storage = None,
    workers: Workers = 1,
    timeout: Timeout = None,
    test: WithTest = False,
    as_json: AsJson = False,
) -> None:
    """Go on with a study, from the recipe and with the options it was begun with."""
    limit = seconds_of(timeout)
    found = open_study(study, storage)

    from ccd.search.launch import begin

    opened = begin(
        found.order.source,
        name=found.study.name,
        folder=found.folder,
        storage=storage,
        workers=workers,
        trials=trials,
        timeout=limit,
    )
    _run(opened, workers, test, as_json)


search.command("status", help="Show how a study stands, or list all studies.")(status)
search.command("best", help="Show the best trials and which settings mattered; write best.gin.")(
    best
)
search.command("stop", help="Ask all workers of a study to stop after their current epoch.")(stop)
search.command("export", help="Write all trials as a table, one per row.")(export)


def seconds_of(text: str | None) -> float | None:
    """Seconds in ``90``, ``90s``, ``30m`` or ``8h``.

    Raises:
        ConfigError: It is something else.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if match is None:
        what = "--timeout must be a number of seconds, minutes or hours"
        raise ConfigError(what, keys=("--timeout",), found=text, hint="write 90s, 30m or 8h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


def _run(opened: Opened, workers: int, test: bool, as_json: bool) -> None:
    """Work on a study, tell about its trials, and show what was found."""
    from ccd.cli.search_output import Teller, show_best, show_test
    from ccd.runs.signals import StoppedAtOnce
    from ccd.search.failures import refuse_fruitless
    from ccd.search.launch import work

    teller = Teller(opened, as_json)
    teller.begin(workers)
    try:
        stopped_by = work(opened, workers, teller.tell)
    except StoppedAtOnce as stop:
        raise typer.Exit(128 + stop.number) from None
    teller.end()
    show_best(opened, as_json)
    if stopped_by is not None:
        raise typer.Exit(128 + stopped_by)
    refuse_fruitless(opened.study)
    if test:
        show_test(opened, as_json)
