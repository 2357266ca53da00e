"""What a trial does: train the variant on each seed and answer with its validation metric."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import fmean

from optuna.exceptions import TrialPruned
from optuna.trial import Trial

from ccd.config.graph import ConfigGraph
from ccd.config.identity import settings_of
from ccd.config.text import flat_settings
from ccd.datasets.dataset import Dataset
from ccd.experiment import Experiment
from ccd.runs.checkpoints import Kept
from ccd.search.progress import TrialProgress
from ccd.search.pruners import Resources, TrialPruner
from ccd.search.study import BEST_EPOCHS, SECONDS
from ccd.search.target import Target
from ccd.search.tracking import tracked


class Interrupted(Exception):  # noqa: N818 - no error: somebody asked for it
    """The trial was asked to stop, and did at the end of an epoch."""


class Objective:
    """Trains trials; what they have in common is loaded once.

    Only ``Experiment.start`` is called, so the test split stays closed.

    Args:
        target: What is searched.
        data_folders: Where data sets are looked up.
        folder: The study's, for trackers that write files.
    """

    def __init__(self, target: Target, data_folders: list[Path], folder: Path) -> None:
        self.target, self._folders, self._folder = target, data_folders, folder
        self._datasets: dict[str, Dataset] = {}
        self._several = len(target.search.objectives) > 1

    def prepare(self) -> tuple[Resources, str, str]:
        """Load the data and build the current setting once, so that what cannot run never starts.

        Returns:
            How long trials are, the metric's name and the data set's fingerprint.
        """
        experiment: Experiment = self.target.base.factory()()
        for make in experiment.trackers:
            make(settings_of(self.target.base).identity)
        dataset = self._data(self.target.base)
        sampler = experiment.assemble(dataset, seed=0).sampler
        epochs = experiment.trainer.epochs
        settled = sampler.settled_epoch(epochs) if sampler is not None else 0
        return Resources(settled, epochs), experiment.evaluator.select, dataset.fingerprint

    def __call__(
        self,
        trial: Trial,
        slot: int,
        texts: dict[str, str],
        pruning: TrialPruner | None,
        is_over: Callable[[], bool],
        checkpoint: Path,
    ) -> list[float]:
        """Train one trial.

        Args:
            trial: Receives the metric per epoch, or per seed.
            slot: Its place in the study, by which trackers call it.
            texts: What it changes.
            pruning: Ends hopeless trials; None for never.
            is_over: Asked after every epoch.
            checkpoint: Where the trial keeps its state, and where an earlier one of the same
                setting, which was stopped or killed, may have kept its own.

        Returns:
            The objectives: the best epoch's metric, and the seconds where they are asked for.

        Raises:
            TrialPruned: The trial is hopeless.
            Interrupted: ``is_over`` said yes.
        """
        graph = self.target.graph(texts)
        # The probe writes into a run's history, which a trial does not have.
        experiment: Experiment = graph.factory()(probe=None)
        dataset, select = self._data(graph), experiment.evaluator.select
        seeds, identity = self.target.seeds, settings_of(graph).identity
        kept = Kept(self.target.variant, seeds[0], identity, dataset.fingerprint)
        progress = TrialProgress(checkpoint, kept, experiment.checkpoint)
        for step, score in progress.reports:
            trial.report(score, step=step)
        per_seed = pruning is not None and pruning.per_seed
        for number in range(len(progress.scores), len(seeds)):
            with (
                tracked(self.target, experiment, dataset, identity, slot, self._folder) as told,
                experiment.start(dataset, seeds[number]) as training,
            ):
                progress.take_up(training)
                for epoch in training:
                    told.epoch(seeds[number], training, epoch)
                    is_last = training.finished and number + 1 == len(seeds)
                    stopping = is_over() and not is_last  # what has just ended is not thrown away
                    reports = number == 0 and not per_seed and not self._several
                    if reports and epoch.valid is not None:
                        progress.report(trial, epoch.index, epoch.valid[select])
                    progress.keep(training, now=stopping)
                    if stopping:
                        raise Interrupted
                    # Easy pools give flat scores, so no trial is judged while its own curriculum
                    # runs; and one that has nothing left to train is complete.
                    is_judged = epoch.index >= epoch.settled_epoch and not is_last
                    if reports and epoch.valid is not None and is_judged:
                        _prune(trial, pruning)
                trained = training.trained
                told.trained(seeds[number], training)
            progress.scores.append(trained.valid[select])
            progress.best.append(trained.best_epoch)
            if per_seed:
                progress.report(trial, number, progress.scores[-1])
                if number + 1 < len(seeds):
                    _prune(trial, pruning)
        seconds, mean = progress.seconds, fmean(progress.scores)
        trial.set_user_attr(BEST_EPOCHS, progress.best)
        trial.set_user_attr(SECONDS, round(seconds, 3))
        return [mean, seconds] if self._several else [mean]

    def _data(self, graph: ConfigGraph) -> Dataset:
        node = graph.root["dataset"].value
        key = repr(flat_settings(ConfigGraph(node)))
        if key not in self._datasets:
            self._datasets[key] = node.factory()(self._folders)
        return self._datasets[key]


def _prune(trial: Trial, pruning: TrialPruner | None) -> None:
    if pruning is not None and trial.should_prune():
        raise TrialPruned
