"""Run a recipe: every variant on every seed, into one run folder, with one table at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ccd.arguments import as_path, as_seeds
from ccd.config.files import data_dir_of
from ccd.config.identity import settings_of
from ccd.config.recipe import Recipe, load_recipe
from ccd.earlier import Earlier
from ccd.errors import refusing_exit
from ccd.finished.results import RunResults
from ccd.ranks.joined import joined
from ccd.ranks.share import ALONE, Ranks
from ccd.recipe_run import RecipeRun
from ccd.runs.folder import default_folder
from ccd.runs.records import Observer, SilentObserver
from ccd.runs.signals import Halt
from ccd.tracking.audience import Audience


def run(
    recipe: str | Path,
    *,
    bindings: Sequence[str] = (),
    only: Sequence[str] = (),
    seeds: Sequence[int] = (),
    dataset: str | Path | None = None,
    data_dir: str | Path | None = None,
    with_files: Sequence[str | Path] = (),
    out: str | Path | None = None,
    allow_imports: Sequence[str] = (),
    fresh: bool = False,
    refit: str | Path | None = None,
    from_run: str | Path | None = None,
    match_ids: bool = False,
    observer: Observer | None = None,
    halt: Halt | None = None,
) -> RunResults:
    """Train, evaluate and compare the variants of a recipe.

    Args:
        recipe: A gin file, or one of ccd's own such as ``recipes/ablation_freedom.gin``.
        bindings: Texts such as ``Trainer.epochs = 5``; they win over everything else.
        only: Variants to run; all of them where empty. The written config has all nevertheless.
        seeds: Seeds instead of the recipe's.
        dataset: Name of a data set (``baby``) or a gin file.
        data_dir: Folder in which data sets are looked up first.
        with_files: Gin files to add.
        out: Run folder; a new one under ``runs/`` where None. What is finished there is skipped.
        allow_imports: Python modules that gin files may import.
        fresh: Whether runs that did not end start anew instead of going on from their checkpoint.
        refit: A run folder of this recipe: train on all data, for as many epochs as each of its
            runs had at its best; nothing is measured.
        from_run: A run folder whose weights training begins with.
        match_ids: Whether the users and items of ``from_run`` may be others, so that those that
            both have are found by their ids.
        observer: Told about progress.
        halt: Asked after each epoch whether to stop; the run then keeps a checkpoint.

    Raises:
        ConfigError: The recipe cannot be used, or the run folder holds runs of another config;
            nothing was written.
        DataError: The data set is missing or wrong.
        KeyboardInterrupt: ``halt`` said so.
        NumericError: Runs diverged; the best epoch of each is kept, and the others were trained.
        ResourceError: Memory, disk or device does not suffice.
    """
    with joined() as ranks:
        with ranks.settling():
            own_seeds = as_seeds(seeds)
            folder = as_path("out", out) if out is not None else None
            place = as_path("data_dir", data_dir) if data_dir is not None else None
            loaded = load_recipe(
                as_path("recipe", recipe),
                dataset=dataset,
                with_files=with_files,
                bindings=bindings,
                only=only,
                allow_imports=allow_imports,
            )
        return run_loaded(
            replace(loaded, seeds=own_seeds or loaded.seeds),
            folder=folder or default_folder(loaded.name),
            data_dir=data_dir_of(dataset, place),
            observer=observer or SilentObserver(),
            fresh=fresh,
            halt=halt,
            earlier=Earlier(
                as_path("refit", refit) if refit is not None else None,
                as_path("from_run", from_run) if from_run is not None else None,
                match_ids,
                allow_imports,
            ),
            ranks=ranks,
        )


@refusing_exit()
def run_loaded(
    recipe: Recipe,
    *,
    folder: Path,
    data_dir: Path | None,
    observer: Observer,
    fresh: bool = False,
    halt: Halt | None = None,
    earlier: Earlier | None = None,
    ranks: Ranks = ALONE,
) -> RunResults:
    """``run`` for a recipe that is loaded already.

    Args:
        recipe: Its selected variants are run.
        folder: Run folder.
        data_dir: Folder in which data sets are looked up first.
        observer: Told about progress.
        fresh: Whether runs that did not end start anew instead of going on from their checkpoint.
        halt: Asked after each epoch whether to stop; the run then keeps a checkpoint.
        earlier: The runs that these are made from; None for none.
        ranks: The processes that train each run together. Only the first writes and tells.
    """
    # Building everything first refuses what only a component can see before data are loaded.
    with ranks.settling():
        experiments = {name: graph.factory()() for name, graph in recipe.selected_graphs.items()}
        trackers = {
            name: [make(settings_of(recipe.graphs[name]).identity) for make in experiment.trackers]
            for name, experiment in experiments.items()
            if not ranks.rank
        }
    audience = Audience(observer, trackers)
    return RecipeRun(
        recipe,
        experiments,
        folder,
        data_dir,
        audience,
        halt or Halt(),
        fresh,
        earlier or Earlier(),
        ranks,
    ).run()
