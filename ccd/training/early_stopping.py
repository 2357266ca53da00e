"""Early stopping that knows the curriculum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from ccd.registry import component
from ccd.settings import Flag, NonNegativeFloat, NonNegativeInt, Slot
from ccd.state import State


@component("stopping")
class EarlyStopping:
    """Stop when validation has not improved for more than ``patience`` evaluations.

    The best epoch is that with the highest value, by however little it exceeds the others.

    While easy pools are in use validation is flat, and it jumps when the final representations take
    over, so patience is counted from the epoch at which the sampler has settled.

    Args:
        settled_epoch: First epoch from which the negative sampler no longer changes.
        patience: Evaluations in a row without an improvement that are allowed.
        min_delta: Only a value that exceeds the last improvement by more than this is another one;
            it says when to stop, not which epoch is the best.
        after_curriculum: Count from ``settled_epoch``; False counts from the start.
    """

    def __init__(
        self,
        settled_epoch: int,
        *,
        patience: NonNegativeInt = 20,
        min_delta: NonNegativeFloat = 0.0,
        after_curriculum: Flag = True,
    ) -> None:
        self.patience, self.min_delta = patience, min_delta
        self.settled_epoch = settled_epoch if after_curriculum else 0
        self.best, self.best_epoch = -float("inf"), -1
        self.improved, self.waited = -float("inf"), 0
        """The value of the last improvement, and the evaluations since then."""

    def update(self, epoch: int, value: float) -> bool:
        """Take one evaluation; True where it is a new best."""
        is_first = self.best_epoch < 0
        if is_first or value > self.improved + self.min_delta:
            self.improved, self.waited = value, 0
        elif epoch >= self.settled_epoch:
            self.waited += 1
        is_best = is_first or value > self.best
        if is_best:
            self.best, self.best_epoch = value, epoch
        return is_best

    def state(self) -> State:
        """All that it knows; its settings are numbers like the rest."""
        return dict(vars(self))

    def load_state(self, state: State) -> None:
        """Take up what ``state`` gave."""
        vars(self).update(state)

    @property
    def patience_left(self) -> int:
        """Evaluations without an improvement that are still allowed."""
        return max(0, self.patience - self.waited)

    @property
    def finished(self) -> bool:
        """Whether training should stop now."""
        return self.waited > self.patience


StoppingFactory = Annotated[Callable[[int], EarlyStopping], Slot("stopping")]
