"""What a trial does: train the variant on each seed and answer with its validation metric."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

from optuna.exceptions import TrialPruned
from optuna.trial import Trial

from ccd.config.graph import ConfigGraph
from ccd.config.text import flat_settings
from ccd.datasets.dataset import Dataset
from ccd.experiment import Experiment
from ccd.search.pruners import Resources, TrialPruner
from ccd.search.study import BEST_EPOCHS, SECONDS
from ccd.search.target import Target
from ccd.training.epoch import Epoch


class Interrupted(Exception):  # noqa: N818 - no error: somebody asked for it
    """The trial was asked to stop, and did at the end of an epoch."""


class Objective:
    """Trains trials; what they have in common is loaded once.

    Only ``Experiment.start`` is called, so the test split stays closed.

    Args:
        target: What is searched.
        data_folders: Where data sets are looked up.
    """

    def __init__(self, target: Target, data_folders: list[Path]) -> None:
        self.target, self._folders = target, data_folders
        self._datasets: dict[str, Dataset] = {}
        self._several = len(target.search.objectives) > 1

    def prepare(self) -> tuple[Resources, str, str]:
        """Load the data and build the current setting once, so that what cannot run never starts.

        Returns:
            How long trials are, the metric's name and the data set's fingerprint.
        """
        experiment: Experiment = self.target.base.factory()()
        dataset = self._data(self.target.base)
        sampler = experiment.assemble(dataset, seed=0).sampler
        epochs = experiment.trainer.epochs
        settled = sampler.settled_epoch(epochs) if sampler is not None else 0
        return Resources(settled, epochs), experiment.evaluator.select, dataset.fingerprint

    def __call__(
        self,
        trial: Trial,
        texts: dict[str, str],
        pruning: TrialPruner | None,
        is_over: Callable[[], bool],
    ) -> list[float]:
        """Train one trial.

        Args:
            trial: Receives the metric per epoch, or per seed.
            texts: What it changes.
            pruning: Ends hopeless trials; None for never.
            is_over: Asked after every epoch.

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
        began, scores, best = time.perf_counter(), [], []
        for number, seed in enumerate(self.target.seeds):
            with experiment.start(dataset, seed) as training:
                for epoch in training:
                    is_last = training.finished and number + 1 == len(self.target.seeds)
                    if is_over() and not is_last:  # what has just ended is not thrown away
                        raise Interrupted
                    if epoch.valid is not None and number == 0 and not self._several:
                        self._report(trial, epoch, epoch.valid[select], pruning, is_last)
                trained = training.trained
            scores.append(trained.valid[select])
            best.append(trained.best_epoch)
            if pruning is not None and pruning.per_seed:
                trial.report(scores[-1], step=number)
                if number + 1 < len(self.target.seeds) and trial.should_prune():
                    raise TrialPruned
        seconds = time.perf_counter() - began
        trial.set_user_attr(BEST_EPOCHS, best)
        trial.set_user_attr(SECONDS, round(seconds, 3))
        return [fmean(scores), seconds] if self._several else [fmean(scores)]

    def _report(
        self, trial: Trial, epoch: Epoch, score: float, pruning: TrialPruner | None, is_last: bool
    ) -> None:
        if pruning is not None and pruning.per_seed:
            return
        trial.report(score, step=epoch.index)
        # Easy pools give flat scores, so no trial is judged while its own curriculum runs; and one
        # that has nothing left to train is complete.
        is_judged = epoch.index >= epoch.settled_epoch and not is_last
        if pruning is not None and is_judged and trial.should_prune():
            raise TrialPruned

    def _data(self, graph: ConfigGraph) -> Dataset:
        node = graph.root["dataset"].value
        key = repr(flat_settings(ConfigGraph(node)))
        if key not in self._datasets:
            self._datasets[key] = node.factory()(self._folders)
        return self._datasets[key]
