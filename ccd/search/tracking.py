"""Trackers told of a search: each seed of a trial is a run there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ccd.datasets.dataset import Dataset
from ccd.experiment import Experiment
from ccd.outcome import epoch_record
from ccd.runs.records import Plan, RunResult, SilentObserver
from ccd.search.target import Target
from ccd.tracking.audience import Audience
from ccd.training.trainer import Epoch, Training


class TrackedTrial:
    """What a trial tells trackers; its variant is called like ``CCDRec, trial 7`` there.

    Args:
        name: What the variant is called.
        dataset: Name of the data set.
        audience: The trackers.
    """

    def __init__(self, name: str, dataset: str, audience: Audience) -> None:
        self._name, self._dataset, self._audience = name, dataset, audience

    def epoch(self, seed: int, training: Training, epoch: Epoch) -> None:
        """Tell of an epoch."""
        self._audience.epoch(epoch_record(self._name, seed, training.max_epochs, epoch))

    def trained(self, seed: int, training: Training) -> None:
        """Tell that a seed is trained; a trial measures nothing on the test split."""
        best = training.trained
        result = RunResult(
            variant=self._name,
            seed=seed,
            dataset=self._dataset,
            best_epoch=best.best_epoch,
            epochs=training.n_epochs,
            valid=best.valid,
            test={},
            seconds=training.seconds,
            max_epochs=training.max_epochs,
        )
        self._audience.finished(result, skipped=False)


@contextmanager
def tracked(
    target: Target,
    experiment: Experiment,
    dataset: Dataset,
    settings: dict[str, str],
    slot: int,
    folder: Path,
) -> Iterator[TrackedTrial]:
    """Tell the trial's trackers that it begins, and at the end, however it ends, that it is over.

    Args:
        target: What is searched.
        experiment: The trial's.
        dataset: What it trains on.
        settings: The trial's, as gin texts.
        slot: The trial's place in the study.
        folder: The study's; trackers that write files do so there.
    """
    name = f"{target.variant}, trial {slot}"
    trackers = [make(settings) for make in experiment.trackers]
    audience = Audience(_Notes(), {name: trackers})
    plan = Plan(
        recipe=target.recipe.name,
        dataset=dataset.name,
        runs=tuple((name, seed) for seed in target.seeds),
        metric=experiment.evaluator.select,
        baseline=None,
        out=folder,
        variants=(name,),
    )
    audience.started(plan)
    try:
        yield TrackedTrial(name, dataset.name, audience)
    finally:
        audience.closed()


class _Notes(SilentObserver):
    """Prints what a worker's log, or the terminal, should say."""

    def note(self, message: str) -> None:
        print(f"note: {message}", file=sys.stderr)
