"""Run a recipe: every variant on every seed, into one run folder, with one table at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import torch

from ccd.arguments import as_path, as_seeds
from ccd.config.archive import to_gin
from ccd.config.files import dataset_folder
from ccd.config.graph import ConfigGraph
from ccd.config.identity import settings_of
from ccd.config.recipe import Recipe, load_recipe
from ccd.config.text import flat_settings
from ccd.datasets import data_folders
from ccd.datasets.dataset import Dataset
from ccd.errors import ConfigError, NumericError, ResourceError, reason
from ccd.evaluation.ranking import Evaluation
from ccd.experiment import Experiment
from ccd.finished.results import RunResults
from ccd.runs.folder import (
    ITEM_TENSOR,
    SAMPLE_TENSOR,
    USER_TENSOR,
    RunFolder,
    default_folder,
    refuse_mixture,
)
from ccd.runs.machine import peak_rss_mb
from ccd.runs.per_user import PerUser
from ccd.runs.records import EpochRecord, Observer, Plan, RunResult, SilentObserver
from ccd.training.doubts import collapsed, huge_loss
from ccd.training.epoch import Epoch, Trained
from ccd.views.outputs import write_reports


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
    observer: Observer | None = None,
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
        observer: Told about progress.

    Raises:
        ConfigError: The recipe cannot be used, or the run folder holds runs of another config;
            nothing was written.
        DataError: The data set is missing or wrong.
        NumericError: A loss stopped being finite.
        ResourceError: Memory, disk or device does not suffice.
    """
    own_seeds = as_seeds(seeds)
    folder = as_path("out", out) if out is not None else None
    place = as_path("data_dir", data_dir) if data_dir is not None else dataset_folder(dataset)
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
        data_dir=place,
        observer=observer or SilentObserver(),
    )


def run_loaded(
    recipe: Recipe, *, folder: Path, data_dir: Path | None, observer: Observer
) -> RunResults:
    """``run`` for a recipe that is loaded already.

    Args:
        recipe: Its selected variants are run.
        folder: Run folder.
        data_dir: Folder in which data sets are looked up first.
        observer: Told about progress.
    """
    # Building every experiment first refuses what only a component can see before data are loaded.
    experiments = {name: graph.factory()() for name, graph in recipe.selected_graphs.items()}
    return _Run(recipe, experiments, folder, data_dir, observer).run()


_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")
"""How torch and the libraries below it say so; it has an exception of its own for CUDA only."""


@contextmanager
def _enough_memory(doing: str) -> Iterator[None]:
    """Turn an allocation that failed in the block into one refusal that says what to lower.

    Raises:
        ResourceError: The memory of the machine or of the device does not suffice.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        known = isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError))
        if not known and not any(sign in str(error) for sign in _OUT_OF_MEMORY):
            raise
        raise ResourceError(
            f"not enough memory while {doing}: {reason(error)}",
            keys=(
                "FullRanking.block_cells", "UNetEstimator.kept_rows", "Experiment.device",
                "Experiment.dim", "Trainer.batch_size",
            ),
            hint="end other programs, lower FullRanking.block_cells (with a U-Net also "
            "UNetEstimator.kept_rows) or, where a GPU is too small, set Experiment.device = 'cpu', "
            "and go on in the same run folder; Experiment.dim and Trainer.batch_size change what "
            "is learned, so lower them with a new --out",
        ) from error  # fmt: skip


@contextmanager
def _in_variant(name: str, seed: int | None = None) -> Iterator[None]:
    """Say which variant's parts do not fit, or whose numbers broke.

    Raises:
        ConfigError: They do not fit.
        NumericError: They broke.
    """
    try:
        yield
    except (ConfigError, NumericError) as error:
        which = f"variant '{name}'" + ("" if seed is None else f", seed {seed}")
        raise error.within(which) from error


class _Run:
    """One pass over the (variant, seed) pairs of a recipe."""

    def __init__(
        self,
        recipe: Recipe,
        experiments: dict[str, Experiment],
        folder: Path,
        data_dir: Path | None,
        observer: Observer,
    ) -> None:
        self.recipe, self.experiments, self.path = recipe, experiments, folder
        self.data_dir, self.observer = data_dir, observer
        self._data_folders = data_folders(data_dir)
        self._datasets: dict[str, Dataset] = {}

    def run(self) -> RunResults:
        first = next(iter(self.experiments.values()))
        # Seeds outside, so that every variant has a first result early.
        pairs = [(variant, seed) for seed in self.recipe.seeds for variant in self.experiments]
        metric = first.evaluator.select
        data = {name: self._data(name) for name in self.experiments}
        dataset = data[pairs[0][0]]
        # All variants, run now or not: the files on top of the folder are written for all of them.
        settings = {name: settings_of(graph).identity for name, graph in self.recipe.graphs.items()}
        for name, loaded in data.items():
            if loaded.fingerprint != dataset.fingerprint:
                raise ConfigError(
                    f"variants '{pairs[0][0]}' and '{name}' are of different data, so their "
                    "metrics cannot be compared",
                    hint="run them into folders of their own, with --only and --out",
                )
        refuse_mixture(self.path, settings, dataset.fingerprint)
        # Parts that do not fit are refused now, not hours later when their variant's turn comes.
        for name, experiment in self.experiments.items():
            with _enough_memory(f"building '{name}'"), _in_variant(name):
                experiment.assemble(data[name], seed=0)
        try:
            with RunFolder(self.path, metric=metric) as folder:
                self.observer.started(
                    Plan(self.recipe.name, dataset.name, tuple(pairs), metric,
                         self.recipe.baseline, self.path, self.recipe.variants)
                )  # fmt: skip
                for note in [*folder.notes, *dataset.notes]:
                    self.observer.note(note)
                whole = self._with_finished_seeds(folder)
                folder.write_config(to_gin(whole, defaults=False))
                folder.write_ids(dataset.user_ids, dataset.item_ids)
                folder.manifest.describe(
                    recipe=self.recipe.name,
                    variants=self.recipe.variants,
                    baseline=self.recipe.baseline,
                    seeds=whole.seeds,
                    imports=self.recipe.imports,
                    dataset=dataset,
                    device=str(first.device),
                    engine=first.engine.name,
                    threads=first.threads or torch.get_num_threads(),
                )
                try:
                    results = [self._one(folder, *pair, data[pair[0]]) for pair in pairs]
                except BaseException:
                    # What is finished is tabled, but what stopped the run is what to tell about.
                    with suppress(Exception):
                        self._sum_up(folder, whole)
                    raise
                self._sum_up(folder, whole)
                return RunResults(self.path, tuple(results), self.recipe.imports)
        finally:
            self.observer.closed()

    def _sum_up(self, folder: RunFolder, whole: Recipe) -> None:
        """Keep the settings, and table what is finished."""
        folder.write_operative(to_gin(whole, defaults=True))
        write_reports(self.path, self.recipe.baseline, self.recipe.variants, whole.seeds)

    def _data(self, variant: str) -> Dataset:
        """The variant's data set, loaded once for all variants that describe it alike."""
        node = self.recipe.graphs[variant].root["dataset"].value
        key = repr(flat_settings(ConfigGraph(node)))
        if key not in self._datasets:
            with _enough_memory(f"loading the data of '{variant}'"):
                self._datasets[key] = node.factory()(self._data_folders)
        return self._datasets[key]

    def _with_finished_seeds(self, folder: RunFolder) -> Recipe:
        """The recipe with the seeds that the folder has already, which its files shall keep."""
        seeds = (*(seed for _, seed in folder.finished()), *self.recipe.seeds)
        return replace(self.recipe, seeds=tuple(dict.fromkeys(seeds)))

    def _one(self, folder: RunFolder, variant: str, seed: int, dataset: Dataset) -> RunResult:
        graph = self.recipe.graphs[variant]
        known = folder.begin(
            variant,
            seed,
            settings=settings_of(graph),
            fingerprint=dataset.fingerprint,
            data_dir=self.data_dir,
        )
        if known is not None:
            self.observer.finished(known, skipped=True)
            return known
        experiment, began = self.experiments[variant], time.perf_counter()
        doubt: str | None = None
        with (
            _enough_memory(f"training '{variant}', seed {seed}"),
            _in_variant(variant, seed),
            experiment.start(dataset, seed) as training,
        ):
            for epoch in training:
                record = _record(variant, seed, training.max_epochs, epoch)
                folder.record_epoch(record)
                self.observer.epoch(record)
                if doubt is None and (doubt := huge_loss(epoch.losses)) is not None:
                    self.observer.note(f"{variant}, seed {seed}, epoch {epoch.index}: {doubt}")
            trained = training.trained
            if (flat := collapsed(trained.representations)) is not None:
                self.observer.note(f"{variant}, seed {seed}, epoch {trained.best_epoch}: {flat}")
            test = experiment.test(dataset, trained.representations)
        result = RunResult(
            variant=variant,
            seed=seed,
            dataset=dataset.name,
            best_epoch=trained.best_epoch,
            epochs=training.n_epochs,
            valid=trained.valid,
            test=test.means,
            seconds={**training.seconds, "total": time.perf_counter() - began},
            peak_rss_mb=round(peak_rss_mb(), 1),
            max_epochs=training.max_epochs if training.learns else 0,
        )
        own = replace(
            self.recipe, graphs={variant: graph}, selected=(variant,), seeds=(seed,), baseline=None
        )
        folder.record_finished(
            result,
            tensors=_tensors(trained),
            per_user=_per_user(test),
            operative=to_gin(own, defaults=True),
        )
        self.observer.finished(result, skipped=False)
        return result


def _record(variant: str, seed: int, max_epochs: int, epoch: Epoch) -> EpochRecord:
    return EpochRecord(
        variant=variant,
        seed=seed,
        epoch=epoch.index,
        max_epochs=max_epochs,
        losses=epoch.losses,
        source=epoch.source,
        valid=epoch.valid,
        best=epoch.best,
        best_epoch=epoch.best_epoch,
        patience_left=epoch.patience_left,
        seconds=epoch.seconds,
        negatives=epoch.negatives,
    )


def _per_user(test: Evaluation) -> PerUser:
    return PerUser(
        test.users.numpy(), {name: values.numpy() for name, values in test.per_user.items()}
    )


def _tensors(trained: Trained) -> dict[str, torch.Tensor]:
    """The weights, the representations that score users and items, and DMA's sample of items."""
    final, sample = trained.representations, trained.sample
    return {
        **trained.weights,
        USER_TENSOR: final.users,
        ITEM_TENSOR: final.items,
        **({} if sample is None else {SAMPLE_TENSOR: sample}),
    }
