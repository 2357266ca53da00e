"""One pass over the runs of a recipe: what is finished is skipped, what was begun goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch

from ccd.config.archive import to_gin
from ccd.config.graph import ConfigGraph
from ccd.config.identity import Settings, settings_of
from ccd.config.recipe import Recipe
from ccd.config.text import flat_settings
from ccd.datasets import data_folders
from ccd.datasets.dataset import Dataset
from ccd.datasets.refit import refit_data
from ccd.earlier import Earlier
from ccd.errors import ConfigError, NumericError
from ccd.experiment import Experiment
from ccd.finished.results import RunResults
from ccd.follower import RunOrder, follow
from ccd.mishaps import enough_memory, in_variant, place_of, refuse_diverged
from ccd.outcome import epoch_record, per_user_of, take_up, tensors_of
from ccd.ranks.share import Ranks, splits
from ccd.runs.folder import (
    refuse_mixture,
)
from ccd.runs.machine import forget_peak, peak_rss_mb
from ccd.runs.records import Observer, Plan, RunResult
from ccd.runs.signals import Halt
from ccd.runs.writing import RunFolder
from ccd.state import State, moved
from ccd.training.doubts import collapsed, huge_loss
from ccd.training.epoch import Epoch
from ccd.training.trainer import Training
from ccd.views.outputs import write_reports

_POLL = 1.0
"""Seconds between two looks at what other processes train."""


class RecipeRun:
    """One pass over the (variant, seed) pairs of a recipe, into one run folder."""

    def __init__(
        self,
        recipe: Recipe,
        experiments: dict[str, Experiment],
        folder: Path,
        data_dir: Path | None,
        observer: Observer,
        halt: Halt,
        fresh: bool,
        earlier: Earlier,
        ranks: Ranks,
    ) -> None:
        self.earlier, self.ranks = earlier, ranks
        self.recipe, self.experiments, self.path = recipe, experiments, folder
        self.data_dir, self.observer, self.halt, self.fresh = data_dir, observer, halt, fresh
        self._data_folders = data_folders(data_dir)
        self._datasets: dict[str, Dataset] = {}
        self._broken: dict[tuple[str, int], NumericError] = {}
        """What became of runs that diverged now."""

    def run(self) -> RunResults:
        first = next(iter(self.experiments.values()))
        self.ranks.open(first.device, first.rank_timeout)
        with self.ranks.settling():
            data = {name: self._data(name) for name in self.experiments}
            if not self.ranks.rank:
                self._refuse_misfits(data)
        identities = [settings_of(self.recipe.graphs[name]).identity for name in data]
        self.ranks.refuse_differences(
            {"recipe": repr(identities), "data set": repr([x.fingerprint for x in data.values()])}
        )
        if self.ranks.rank:
            follow(self.ranks, self.experiments, data)
            return RunResults(self.path, (), self.recipe.imports)
        # Seeds outside, so that every variant has a first result early.
        pairs = [(variant, seed) for seed in self.recipe.seeds for variant in self.experiments]
        metric = first.evaluator.select
        dataset = data[pairs[0][0]]
        try:
            with RunFolder(self.path, metric=metric) as folder:
                self.observer.started(
                    Plan(self.recipe.name, dataset.name, tuple(pairs), metric,
                         self.recipe.baseline, self.path, self.recipe.variants)
                )  # fmt: skip
                notes = [note for e in self.experiments.values() for note in e.notes(dataset)]
                if self.ranks.size > 1:
                    notes.append(f"{self.ranks.size} processes train each run together")
                for note in [*folder.notes, *dataset.notes, *dict.fromkeys(notes)]:
                    self.observer.note(note)
                with folder.changing():
                    whole = self._with_known_seeds(folder)
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
                        processes=self.ranks.size,
                        made_from=self.earlier.told,
                    )
                try:
                    results = self._each(folder, pairs, data)
                except BaseException:
                    # What is finished is tabled, but what stopped the run is what to tell about.
                    with suppress(Exception):
                        self._sum_up(folder)
                    raise
                self._sum_up(folder)
                # In the recipe's order, whichever process came to which of them first.
                broken = {pair: self._broken[pair] for pair in pairs if pair in self._broken}
                refuse_diverged(results, broken)
                return RunResults(self.path, tuple(results), self.recipe.imports)
        finally:
            self.observer.closed()

    def _refuse_misfits(self, data: Mapping[str, Dataset]) -> None:
        """Refuse now what would not fit hours later, when its variant's turn comes."""
        base = next(iter(data))
        # All variants, run now or not: the files on top of the folder are written for all of them.
        settings = {name: self._settings(name).identity for name in self.recipe.graphs}
        for name, loaded in data.items():
            if loaded.fingerprint != data[base].fingerprint:
                raise ConfigError(
                    f"variants '{base}' and '{name}' are of different data, so their "
                    "metrics cannot be compared",
                    hint="run them into folders of their own, with --only and --out",
                )
        refuse_mixture(self.path, settings, data[base].fingerprint, fresh=self.fresh)
        for name, experiment in self.experiments.items():
            with enough_memory(f"building '{name}'"), in_variant(name):
                if self.ranks.size > 1:
                    _refuse_unsplit(experiment)
                model = experiment.assemble(data[name], seed=0)
                plain = settings_of(self.recipe.graphs[name]).identity
                self.earlier.check(name, self.recipe.seeds, plain, data[name], model)

    def _sum_up(self, folder: RunFolder) -> None:
        """Keep the settings, and table what is finished, here or by other processes."""
        with folder.changing():
            whole = self._with_known_seeds(folder)
            folder.write_config(to_gin(whole, defaults=False))
            folder.write_operative(to_gin(whole, defaults=True))
            write_reports(self.path, self.recipe.baseline, self.recipe.variants, whole.seeds)

    def _data(self, variant: str) -> Dataset:
        """The variant's data set, loaded once for all variants that describe it alike."""
        node = self.recipe.graphs[variant].root["dataset"].value
        key = repr(flat_settings(ConfigGraph(node)))
        if key not in self._datasets:
            with enough_memory(f"loading the data of '{variant}'"):
                loaded = node.factory()(self._data_folders)
                self._datasets[key] = refit_data(loaded) if self.earlier.refit else loaded
        return self._datasets[key]

    def _settings(self, variant: str) -> Settings:
        """What makes up a variant: its own settings, and the runs that it is made from."""
        own = settings_of(self.recipe.graphs[variant])
        if variant not in self.experiments and not self.earlier.has(variant, self.recipe.seeds[0]):
            return own  # it cannot be run so, nor was it
        of_earlier = self.earlier.settings(variant, self.recipe.seeds[0])
        return replace(own, identity={**own.identity, **of_earlier})

    def _with_known_seeds(self, folder: RunFolder) -> Recipe:
        """The recipe with the seeds of the folder's other runs too, which its files shall keep."""
        seeds = (*(seed for _, seed in folder.known()), *self.recipe.seeds)
        return replace(self.recipe, seeds=tuple(dict.fromkeys(seeds)))

    def _each(
        self, folder: RunFolder, pairs: Sequence[tuple[str, int]], data: Mapping[str, Dataset]
    ) -> list[RunResult]:
        """The results, but of runs that diverged before there was an epoch to keep.

        A run that another live process trains is left to it. At the end it is waited for, for
        should that process die, the run is taken over here.
        """
        results: dict[tuple[str, int], RunResult] = {}
        told: set[tuple[str, int]] = set()
        while left := [pair for pair in pairs if pair not in {*results, *self._broken}]:
            taken = False
            for pair in left:
                if self.halt.asked():
                    raise KeyboardInterrupt
                with folder.leasing(*pair) as holder:
                    if holder is not None:
                        if pair not in told:
                            self.observer.note(f"{pair[0]} seed {pair[1]}: {holder} trains it")
                        told.add(pair)
                        continue
                    taken = True
                    try:
                        results[pair] = self._one(folder, *pair, data[pair[0]])
                    except NumericError as error:  # the others may be sound
                        self.observer.note(error.one_line)
                        self._broken[pair] = error
            if not taken:
                self.halt.wait(_POLL)
        return [results[pair] for pair in pairs if pair in results]

    def _one(self, folder: RunFolder, variant: str, seed: int, dataset: Dataset) -> RunResult:
        known = folder.begin(
            variant,
            seed,
            settings=self._settings(variant),
            fingerprint=dataset.fingerprint,
            data_dir=self.data_dir,
            checkpoint=self.experiments[variant].checkpoint,
            fresh=self.fresh,
        )
        if known is not None:
            self.observer.finished(known, skipped=True)
            return known
        experiment, began = self.experiments[variant], time.perf_counter()
        forget_peak()  # that of the run before
        checkpoint = folder.checkpoint(variant, seed)
        if checkpoint.note:
            self.observer.note(checkpoint.note)
        begin = self.earlier.start(variant, seed, dataset)
        epochs = self.earlier.epochs(variant, seed)
        with (
            folder.keeping_divergence(variant, seed),
            enough_memory(f"training '{variant}', seed {seed}"),
            in_variant(variant, seed),
            experiment.start(
                dataset, seed, begin=begin, epochs=epochs, ranks=self.ranks
            ) as training,
        ):
            began -= take_up(training, checkpoint)
            self._tell_ranks(variant, seed, epochs, training)
            diverged = self._train_as_far_as_it_goes(folder, variant, seed, training, began)
            trained = training.trained
            if training.learns and (flat := collapsed(trained.representations)) is not None:
                self.observer.note(f"{variant}, seed {seed}, epoch {trained.best_epoch}: {flat}")
            self.ranks.tell("test")
            test = experiment.test(dataset, trained.representations, self.ranks)
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
            diverged=diverged,
            refit=self.earlier.refit_of(variant, seed),
        )
        folder.record_finished(
            result,
            tensors=tensors_of(trained),
            per_user=per_user_of(test),
            operative=to_gin(self._of_one(variant, seed), defaults=True),
        )
        self.observer.finished(result, skipped=False)
        return result

    def _of_one(self, variant: str, seed: int) -> Recipe:
        """The recipe of one run alone."""
        graphs = {variant: self.recipe.graphs[variant]}
        return replace(
            self.recipe, graphs=graphs, selected=(variant,), seeds=(seed,), baseline=None
        )

    def _train_as_far_as_it_goes(
        self, folder: RunFolder, variant: str, seed: int, training: Training, began: float
    ) -> str | None:
        """Train; what made it diverge, where there is a best epoch before that, else None.

        Raises:
            NumericError: It diverged before its first evaluation.
        """
        try:
            with self.halt.waiting():
                self._train(folder, variant, seed, training, began)
        except NumericError as error:
            # Going on from there would end in the same way.
            folder.checkpoint(variant, seed).remove()
            if training.best is None:
                raise
            self._broken[(variant, seed)] = error.within(place_of(variant, seed))
            self.observer.note(f"{variant}, seed {seed}: {error.what}; its best epoch is kept")
            return error.what
        return None

    def _train(
        self, folder: RunFolder, variant: str, seed: int, training: Training, began: float
    ) -> None:
        """Train to the end, keeping checkpoints.

        Raises:
            KeyboardInterrupt: Somebody asked to stop; the last epoch is in the checkpoint.
        """
        max_epochs, checkpoint = training.max_epochs, folder.checkpoint(variant, seed)
        doubt: str | None = None

        def state() -> State:
            return {"training": training.state(), "total": time.perf_counter() - began}

        for epoch in self._epochs(training):
            record = epoch_record(variant, seed, max_epochs, epoch)
            folder.record_epoch(record)
            self.observer.epoch(record)
            if doubt is None and (doubt := huge_loss(epoch.losses)) is not None:
                self.observer.note(f"{variant}, seed {seed}, epoch {epoch.index}: {doubt}")
            stopping = self.halt.asked() and not training.finished
            if stopping or (checkpoint.is_due() and not training.finished):
                if (problem := checkpoint.write(state, training.n_epochs)) is not None:
                    self.observer.note(f"{variant}, seed {seed}: {problem}")
                with folder.changing():
                    folder.manifest.note_checkpoint(checkpoint.size)
            if stopping:
                raise KeyboardInterrupt

    def _tell_ranks(self, variant: str, seed: int, epochs: int | None, training: Training) -> None:
        """Have the other ranks begin with a run, or go on with it."""
        if self.ranks.size > 1:
            state = moved(training.state(), torch.device("cpu"))
            self.ranks.tell(RunOrder(variant, seed, epochs, state))

    def _epochs(self, training: Training) -> Iterator[Epoch]:
        """The epochs of a training, which the other ranks train along."""
        while not training.finished:
            self.ranks.tell("epoch")
            yield training.step()


def _refuse_unsplit(experiment: Experiment) -> None:
    update = experiment.trainer.update()
    if not splits(update):
        name = type(update).__name__
        raise ConfigError(
            f"{name} does not say that it can be used by several processes, which add up their "
            "gradients in optimizer.step",
            keys=("Trainer.update",),
            hint=f"train in one process or, if it does not look at gradients before that, write "
            f"'splits = True' in class {name}",
        )
