"""A trainer that only pretends, so that a study of many trials takes a second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch

from ccd.backbones.base import Representations
from ccd.errors import NumericError
from ccd.negative_source import NegativeSource
from ccd.registry import component
from ccd.settings import FiniteFloat, Flag, NonNegativeFloat, PositiveInt, Text
from ccd.training.epoch import Epoch, Trained


@component("trainer")
class StubTrainer:
    """Scores ``1 - (quality - 0.3)**2 + bonus``, reached over its epochs.

    Args:
        quality: What is searched.
        bonus: Added to the score.
        mode: More to search; ``exit`` ends the program.
        epochs: Epochs.
        rise: Epochs in which the score is reached, after which it falls slowly; at most all.
        settled: First epoch after the pretended curriculum.
        pause: Seconds per epoch.
        fails: Whether the loss is not finite.
    """

    def __init__(
        self,
        *,
        quality: FiniteFloat = 0.9,
        bonus: FiniteFloat = 0.0,
        mode: Text = "plain",
        epochs: PositiveInt = 4,
        rise: PositiveInt = 1000,
        settled: PositiveInt = 1,
        pause: NonNegativeFloat = 0.0,
        fails: Flag = False,
    ) -> None:
        self.quality, self.bonus, self.epochs = quality, bonus, epochs
        self.settled, self.pause, self.fails = settled, pause, fails
        self.rise, self.mode = min(rise, epochs), mode

    def start(
        self, model: Any, users: Any, items: Any, random_negatives: Any, streams: Any,
        validate: Any, select: str,
    ) -> StubTraining:  # fmt: skip
        """Pretend to."""
        return StubTraining(self, select)


class StubTraining:
    """Epochs of the curve that the trainer's settings describe; the last one counts as the best."""

    def __init__(self, trainer: StubTrainer, select: str) -> None:
        self.trainer, self.select = trainer, select
        self.valid: dict[str, float] = {}
        self.n_epochs, self.max_epochs, self.finished = 0, trainer.epochs, False
        self.seconds: dict[str, float] = {}

    def __iter__(self) -> Iterator[Epoch]:
        trainer = self.trainer
        if trainer.mode == "exit":
            raise SystemExit(3)
        if trainer.fails:
            raise NumericError("loss term 'random' became nan in epoch 0")
        score = 1 - (trainer.quality - 0.3) ** 2 + trainer.bonus
        for index in range(self.n_epochs, trainer.epochs):
            time.sleep(trainer.pause)
            risen, fallen = min(index + 1, trainer.rise), max(0, index + 1 - trainer.rise)
            value = score * risen / trainer.rise - 0.001 * fallen
            self.valid = {self.select: value}
            source = NegativeSource.none()
            self.n_epochs, self.finished = index + 1, index + 1 == trainer.epochs
            yield Epoch(index, source, {}, {}, self.valid, value, index, 0, trainer.settled)

    def state(self) -> dict[str, Any]:
        """How far it has come."""
        return {"n_epochs": self.n_epochs, "valid": self.valid}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.n_epochs, self.valid = state["n_epochs"], state["valid"]
        self.finished = self.n_epochs == self.trainer.epochs

    @property
    def trained(self) -> Trained:
        empty = Representations(torch.zeros(1, 1), torch.zeros(1, 1))
        return Trained(self.trainer.epochs - 1, self.valid, empty, {})
