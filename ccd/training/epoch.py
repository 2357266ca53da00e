"""What training tells: what an epoch did, and the model at the best one."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ccd.backbones.base import Representations
from ccd.negative_source import NegativeSource
from ccd.state import State


@dataclass(frozen=True)
class Epoch:
    """What one epoch did.

    Attributes:
        index: Its number, from 0.
        source: Where its hard negatives came from.
        losses: Mean loss terms by name, and their ``total``.
        seconds: Wall seconds by part.
        valid: Validation metrics; None where the epoch was not evaluated.
        best: The best value of the selecting metric so far; None before the first evaluation.
        best_epoch: The epoch that reached it; None before the first evaluation.
        patience_left: Evaluations without a new best that are still allowed.
        settled_epoch: First epoch from which the negative sampler no longer changes.
        negatives: What a probe measured of the epoch's hard negatives.
    """

    index: int
    source: NegativeSource
    losses: dict[str, float]
    seconds: dict[str, float]
    valid: dict[str, float] | None
    best: float | None
    best_epoch: int | None
    patience_left: int
    settled_epoch: int
    negatives: dict[str, float] | None = None


@dataclass(frozen=True)
class Trained:
    """The model at the best epoch so far.

    Attributes:
        best_epoch: Its number, from 0.
        valid: Its validation metrics.
        representations: Final representations of all users and items.
        weights: The recommender's ``state_dict``, copied.
        sample: DMA's sample of all items ``[n_items, dim]``, which the representations are fused
            with; None without DMA.
    """

    best_epoch: int
    valid: dict[str, float]
    representations: Representations
    weights: dict[str, Tensor]
    sample: Tensor | None = None

    def state(self) -> State:
        """Plain values."""
        return {
            "best_epoch": self.best_epoch,
            "valid": self.valid,
            "representations": [self.representations.users, self.representations.items],
            "weights": self.weights,
            "sample": self.sample,
        }

    @classmethod
    def from_state(cls, state: State) -> Trained:
        """The inverse of ``state``."""
        return cls(**{**state, "representations": Representations(*state["representations"])})
