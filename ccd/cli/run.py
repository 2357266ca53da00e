"""``ccd run``: train, evaluate and compare the variants of a recipe."""

from __future__ import annotations

import shlex
import signal
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from ccd.cli.options import (
    CHOICE,
    FILES,
    AllowImports,
    Bindings,
    DataDir,
    DatasetName,
    RecipePath,
    WithFiles,
    Workers,
    refuse_missing,
)
from ccd.cli.recipe_command import refuse_wrong_words
from ccd.errors import CcdError, ConfigError, NumericError
from ccd.ranks.launched import launched, told_by_the_first
from ccd.runs.signals import Halt

if TYPE_CHECKING:
    from ccd.progress.live import LiveProgress
    from ccd.progress.plain import JsonProgress, PlainProgress
    from ccd.runs.records import Plan

    Shown = LiveProgress | PlainProgress | JsonProgress


def run(
    recipe: RecipePath,
    only: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer reads annotations at run time
        typer.Option(
            "--only",
            metavar="VARIANT",
            help="Run this variant only. Repeatable.",
            rich_help_panel=CHOICE,
        ),
    ] = None,
    seeds: Annotated[
        Optional[list[int]],  # noqa: UP045
        typer.Option(
            "--seed",
            metavar="N",
            help="Run this seed instead of the recipe's. Repeatable.",
            rich_help_panel=CHOICE,
        ),
    ] = None,
    dataset: DatasetName = None,
    data_dir: DataDir = None,
    with_files: WithFiles = None,
    bindings: Bindings = None,
    out: Annotated[
        Optional[str],  # noqa: UP045 - a path, but an empty one is not the current folder
        typer.Option(
            "--out",
            metavar="DIR",
            help="Write the results into this folder; a new one in runs/ if left out. Runs that "
            "are finished in it are kept, so an interrupted command goes on.",
            rich_help_panel=FILES,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object for each event.")
    ] = False,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh",
            help="Start runs that did not end anew, instead of going on from their checkpoints.",
            rich_help_panel=CHOICE,
        ),
    ] = False,
    workers: Workers = 1,
    refit: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--refit",
            metavar="DIR",
            help="Train on all data, for as many epochs as the runs in this run folder had at "
            "their best; nothing is measured.",
            rich_help_panel=CHOICE,
        ),
    ] = None,
    from_run: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--from",
            metavar="DIR",
            help="Begin with the weights of the runs in this run folder.",
            rich_help_panel=CHOICE,
        ),
    ] = None,
    match_ids: Annotated[
        bool,
        typer.Option(
            "--match-ids",
            help="With --from: take over the users and items that both have, by their ids.",
            rich_help_panel=CHOICE,
        ),
    ] = False,
    allow_imports: AllowImports = None,
) -> None:
    """Train the variants of a recipe with each seed, test them and compare them."""
    from ccd.progress.observers import choose_observer
    from ccd.progress.plain import JsonProgress

    observer, halt = choose_observer(as_json), Halt(patient=False)
    try:
        with halt:
            from ccd.arguments import as_path

            folder = None if out is None else as_path("--out", out)
            with told_by_the_first():
                refuse_missing(*(path for path in (refit, from_run) if path is not None))
                # Within the block, since Ctrl-C shall be quiet here too.
                refuse_wrong_words(
                    recipe,
                    dataset=dataset,
                    with_files=with_files or (),
                    bindings=bindings or (),
                    only=only or (),
                    allow_imports=allow_imports or (),
                )
                _refuse_both(workers)
            _train_in(workers)(
                recipe,
                only=only or (),
                seeds=seeds or (),
                dataset=dataset,
                data_dir=data_dir,
                with_files=with_files or (),
                bindings=bindings or (),
                out=folder,
                allow_imports=allow_imports or (),
                fresh=fresh,
                refit=refit,
                from_run=from_run,
                match_ids=match_ids,
                observer=observer,
                halt=halt,
            )
    except KeyboardInterrupt:
        stopped_by = signal.Signals(halt.signal or signal.SIGINT)
        _say_stopped(observer, f"stopped by {stopped_by.name}", with_out=out is None)
        show_results(observer)
        raise typer.Exit(128 + stopped_by) from None
    except NumericError:
        # The others were trained, so there is a table; what diverged is told last.
        show_results(observer)
        raise
    except CcdError:
        # The refusal itself is written by ``main``, as for every command.
        _say_stopped(observer, "stopped by an error", with_out=out is None, goes_on=False)
        raise
    else:
        show_results(observer)
    finally:
        if isinstance(observer, JsonProgress):
            observer.end()


def _refuse_both(workers: int) -> None:
    """Refuse workers, which share the runs, in processes that share the batches of each run."""
    if workers > 1 and launched()[1] > 1:
        raise ConfigError(
            "--workers shares out runs, and torchrun the batches of each run",
            keys=("--workers",),
            hint="use one of them",
        )


def _train_in(workers: int) -> Callable[..., object]:
    """What trains in so many processes."""
    if workers == 1:
        from ccd import ablation

        return ablation.run
    from ccd.shared_run import run_shared

    return partial(run_shared, workers=workers)


def _say_stopped(observer: Shown, why: str, *, with_out: bool, goes_on: bool = True) -> None:
    """Say that a run which had begun did not end, what is kept, and the command that goes on.

    Args:
        observer: Whom to tell.
        why: What stopped it.
        with_out: Whether the command must name the run folder, which this one did not.
        goes_on: Whether the same command may go on; after a refusal it would be refused again.
    """
    from ccd.progress.plain import JsonProgress

    plan = observer.plan
    if plan is None:
        return
    words = ["ccd", *sys.argv[1:], *(["--out", str(plan.out)] if with_out else [])]
    command, kept = shlex.join(words), f"finished runs are kept in {plan.out}"
    with suppress(CcdError):  # what stopped the run is to be told, not what a reader stumbles over
        kept = _kept(plan)
    if isinstance(observer, JsonProgress):
        told = {"why": why, "run folder": str(plan.out), "kept": kept}
        told |= {"go_on": command} if goes_on else {}
        observer.emit("stopped", told)
    else:
        observer.note(f"{why}; {kept}" + (f"; to go on: {command}" if goes_on else ""))


def _kept(plan: Plan) -> str:
    """Which runs of a plan will not be trained again, and where the others go on."""
    from ccd.runs.folder import finished_runs, read_history, unfinished_runs

    done = [pair for pair in plan.runs if pair in finished_runs(plan.out)]
    verb = "is" if len(done) == 1 else "are"
    number = f"{len(done)} of {len(plan.runs)} runs {verb} finished"
    kept = f"{number}, kept in {plan.out} and skipped then"
    epochs = Counter((record.variant, record.seed) for record in read_history(plan.out))
    at = {(known.variant, known.seed): known for known in unfinished_runs(plan.out)}
    begun = [
        f"{variant} seed {seed} goes on after epoch {at[variant, seed].epochs} "
        f"(checkpoint of {at[variant, seed].mb:.1f} MB)"
        if (variant, seed) in at
        else f"{variant} seed {seed} stopped after epoch {epochs[variant, seed]} and starts again "
        "at its first"
        for variant, seed in plan.runs
        if (variant, seed) not in done and epochs[variant, seed]
    ]
    return "; ".join([kept, *begun])


def show_results(observer: Shown) -> None:
    """The table of what is finished, where its files are and, last, the run folder."""
    from ccd.progress.plain import JsonProgress
    from ccd.runs.folder import FIGURE_FILE, TABLE_FILE
    from ccd.terminal.console import make_console
    from ccd.views.outputs import read_table
    from ccd.views.table_text import TableView

    plan = observer.plan
    if plan is None:
        return
    seeds = [seed for _, seed in plan.runs]
    table = read_table(plan.out, plan.baseline, plan.variants, seeds)
    files = [("table", plan.out / TABLE_FILE)] if table else []
    files += [("figure", plan.out / FIGURE_FILE)] if table and table.metrics else []
    files += [("run folder", plan.out)]
    if isinstance(observer, JsonProgress):
        rows = table.to_json() if table else []
        observer.emit("report", {"rows": rows, **{name: str(path) for name, path in files}})
        return
    console = make_console()
    if table:
        console.print()
        console.print(TableView(table))
    else:
        console.print("no run was finished")
    for name, path in files:
        console.print(f"{name}: {path}", markup=False, soft_wrap=True)
