"""What a recipe will cost, measured on a few steps of its real parts before it is run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ccd.config.graph import ConfigGraph
from ccd.config.recipe import Recipe
from ccd.datasets import data_folders
from ccd.datasets.dataset import Dataset
from ccd.experiment import Experiment
from ccd.mishaps import enough_memory, in_variant
from ccd.runs.checkpoint_file import write_state
from ccd.runs.machine import forget_peak, peak_rss_mb
from ccd.training.trainer import Training

_FEW_STEPS = 12
"""Steps of a calibration that are compared with three times as many; shorter epochs are whole."""
EPOCHS = 100
"""For how many epochs a plan adds up."""


@dataclass(frozen=True)
class VariantPlan:
    """What one run of a variant takes.

    Attributes:
        variant: Its name.
        n_parameters: Numbers that are trained.
        peak_mb: Largest resident memory, in MB (2**20 bytes).
        checkpoint_mb: Size of a checkpoint on the disk, in MB.
        start: Seconds before the first epoch.
        epoch: Seconds of an epoch of the settled curriculum, by part.
        test: Seconds of the test.
        max_epochs: The limit; early stopping ends most runs long before it.
    """

    variant: str
    n_parameters: int
    peak_mb: float
    checkpoint_mb: float
    start: float
    epoch: Mapping[str, float]
    test: float
    max_epochs: int

    @property
    def seconds_per_epoch(self) -> float:
        return sum(self.epoch.values())

    def seconds(self, epochs: int = EPOCHS) -> float:
        """Seconds of a run that ends after so many epochs, or at its limit."""
        return self.start + min(epochs, self.max_epochs) * self.seconds_per_epoch + self.test


def plan(recipe: Recipe, data_dir: Path | None) -> Iterator[VariantPlan]:
    """What each selected variant takes, measured here and now, with its own threads and device.

    Nothing is kept of it. The test split is not opened.

    Args:
        recipe: A loaded recipe.
        data_dir: Folder in which data sets are looked up first.

    Raises:
        CcdError: What stops a run would stop it too.
    """
    folders = data_folders(data_dir)
    for variant, graph in recipe.selected_graphs.items():
        with enough_memory(f"planning '{variant}'"), in_variant(variant):
            planned = _planned(variant, graph, folders, recipe.seeds[0])
        yield planned


def _planned(variant: str, graph: ConfigGraph, folders: Sequence[Path], seed: int) -> VariantPlan:
    """One variant's plan; what it takes is let go before the next one is measured."""
    forget_peak()
    began = time.perf_counter()
    experiment: Experiment = graph.factory()()
    dataset = experiment.dataset(folders)
    with experiment.start(dataset, seed) as training:
        start = time.perf_counter() - began
        return _measured(variant, experiment, dataset, training, start)


def _measured(
    variant: str, experiment: Experiment, dataset: Dataset, training: Training, start: float
) -> VariantPlan:
    epoch = _epoch(training) if training.learns else training.try_out(0)
    ranked = experiment.n_validation_users(dataset)
    tested = len(np.unique(dataset.test.users))
    infer, evaluate = epoch.pop("infer"), epoch["evaluate"]
    test = infer + evaluate * tested / ranked if ranked else 0.0
    epoch["evaluate"] = infer + evaluate / training.trainer.evaluate_every
    size = 0
    if experiment.checkpoint is not None and training.learns:
        with tempfile.TemporaryDirectory() as scratch:
            size = write_state(Path(scratch) / "state", {"training": training.state()}, {})
    return VariantPlan(
        variant,
        sum(p.numel() for p in training.model.parameters() if p.requires_grad),
        round(peak_rss_mb(), 1),
        round(size / 2**20, 1),
        start,
        epoch,
        test,
        training.max_epochs,
    )


def _epoch(training: Training) -> dict[str, float]:
    """Seconds of a whole epoch by part."""
    few = _FEW_STEPS
    if training.n_steps <= 3 * few:
        training.try_out(None)  # the first steps allocate what the others use again
        return training.try_out(None)
    training.try_out(few)
    short, longer = training.try_out(few), training.try_out(3 * few)
    step = max(0.0, longer["train"] - short["train"]) / (2 * few)
    return {**longer, "train": longer["train"] + (training.n_steps - 3 * few) * step}
