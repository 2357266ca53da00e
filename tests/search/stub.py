"""A trainer that only pretends, so that a study of many trials takes a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from ccd.backbones.base import Representations
from ccd.errors import NumericError
from ccd.negative_source import NegativeSource
from ccd.registry import component
from ccd.settings import FiniteFloat, Flag, NonNegativeFloat, PositiveInt, Text
from ccd.training.early_stopping import EarlyStopping
from ccd.training.trainer import Epoch, Trained


@component("trainer")
class StubTrainer:
    """Scores ``1 - (quality - 0.3)**2 + bonus``, reached over its epochs.

    Args:
        quality: What is searched.
        bonus: Added to the score.
        mode: More to search.
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
        self.rise = min(rise, epochs)

    def fit(
        self, model: Any, users: Any, items: Any, random_negatives: Any, streams: Any,
        validate: Any, select: str, on_epoch: Callable[[Epoch], None],
    ) -> Trained:  # fmt: skip
        """Pretend."""
        if self.fails:
            raise NumericError("loss term 'random' became nan in epoch 0")
        score = 1 - (self.quality - 0.3) ** 2 + self.bonus
        valid: dict[str, float] = {}
        for index in range(self.epochs):
            time.sleep(self.pause)
            risen, fallen = min(index + 1, self.rise), max(0, index + 1 - self.rise)
            valid = {select: score * risen / self.rise - 0.001 * fallen}
            stopping = EarlyStopping(self.settled)
            on_epoch(Epoch(index, NegativeSource.none(), {}, {}, valid, stopping, self.settled))
        empty = Representations(torch.zeros(1, 1), torch.zeros(1, 1))
        return Trained(self.epochs - 1, self.epochs, valid, empty, {}, {})
