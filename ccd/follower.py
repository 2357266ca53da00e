"""What the ranks after the first do: they train along, and leave files and display to it."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal, NamedTuple

from ccd.datasets.dataset import Dataset
from ccd.errors import NumericError
from ccd.experiment import Experiment
from ccd.mishaps import enough_memory
from ccd.ranks.share import Ranks
from ccd.runs.signals import STOPS, on_signals
from ccd.state import State


class RunOrder(NamedTuple):
    """Which run the first rank begins with or goes on with, and where it is.

    Attributes:
        variant: Its variant.
        seed: Its seed.
        epochs: Upper limit instead of the trainer's; None for that.
        state: What its ``Training`` is at.
    """

    variant: str
    seed: int
    epochs: int | None
    state: State


Told = RunOrder | Literal["epoch", "test"] | None
"""What the first rank tells: a run, and then its epochs and its test; None at the end."""


def follow(
    ranks: Ranks, experiments: Mapping[str, Experiment], data: Mapping[str, Dataset]
) -> None:
    """Do what the first rank tells, until it has nothing more to tell.

    A signal to stop is for the first rank, which needs the others to the end of the epoch.

    Args:
        ranks: All ranks.
        experiments: By variant.
        data: The data set of each.
    """
    with on_signals(lambda _: None, (signal.SIGINT, *STOPS)):
        told: Told = ranks.told()
        while isinstance(told, RunOrder):
            told = _train_along(ranks, experiments[told.variant], data[told.variant], told)


def _train_along(ranks: Ranks, experiment: Experiment, dataset: Dataset, order: RunOrder) -> Told:
    """One run; what is told after it."""
    with (
        enough_memory(f"training '{order.variant}', seed {order.seed}"),
        experiment.start(dataset, order.seed, epochs=order.epochs, ranks=ranks) as training,
    ):
        training.load_state(order.state)
        told: Told = ranks.told()
        while isinstance(told, str):
            if told == "epoch":
                with suppress(NumericError):  # the first rank has it too
                    training.step()
            else:
                experiment.test(dataset, training.trained.representations, ranks)
            told = ranks.told()
    return told
