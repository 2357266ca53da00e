"""Update rules: what one batch does to the weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Protocol

import torch
from torch import Tensor

from ccd.errors import ConfigError
from ccd.registry import component
from ccd.settings import PositiveFloat, PositiveInt, Slot

Terms = Callable[[], dict[str, Tensor]]
"""The loss terms of one batch by name; each call is a forward pass of its own."""


class Update(Protocol):
    """One batch's update of the weights.

    Several processes that train one model add up their gradients in ``optimizer.step``. An update
    that does not look at gradients before that says ``splits = True``, and may be used there.
    """

    def __call__(
        self, optimizer: torch.optim.Optimizer, terms: Terms, index: int
    ) -> dict[str, Tensor]:
        """Update and return the terms of the (first) forward pass.

        Args:
            optimizer: The optimiser.
            terms: Forward pass of the batch.
            index: Position of the batch in its epoch, from 0.
        """


@component("update")
class Descent:
    """One optimiser step down the loss."""

    splits = True

    def __call__(
        self, optimizer: torch.optim.Optimizer, terms: Terms, index: int
    ) -> dict[str, Tensor]:
        return _take_step(optimizer, terms, 1.0)


@component("update")
class MirrorGradient:
    """Mirror Gradient (Zhong et al. 2024): every few batches a step down, then a smaller one up.

    Both steps go through the same optimiser, so its moments see both; the second forward pass
    redraws noise and hard negatives. It steers towards flat minima.

    Args:
        down: Factor of the loss in the step down, the paper's alpha_1.
        up: Factor of the loss in the step up, the paper's alpha_2; smaller than ``down``.
        interval: Batches from one mirrored batch to the next.

    Raises:
        ConfigError: ``up`` is not smaller than ``down``.
    """

    splits = True

    def __init__(
        self,
        *,
        down: PositiveFloat = 1.0,
        up: PositiveFloat = 0.1,
        interval: PositiveInt = 3,
    ) -> None:
        if up >= down:
            raise ConfigError(
                f"MirrorGradient.up = {up} must be smaller than MirrorGradient.down = {down}, "
                "or training climbs the loss",
                keys=("MirrorGradient.up", "MirrorGradient.down"),
            )
        self.down, self.up, self.interval = down, up, interval

    def __call__(
        self, optimizer: torch.optim.Optimizer, terms: Terms, index: int
    ) -> dict[str, Tensor]:
        if index % self.interval:
            return _take_step(optimizer, terms, 1.0)
        found = _take_step(optimizer, terms, self.down)
        _take_step(optimizer, terms, -self.up)
        return found


def _take_step(optimizer: torch.optim.Optimizer, terms: Terms, factor: float) -> dict[str, Tensor]:
    optimizer.zero_grad(set_to_none=True)
    found = terms()
    (factor * torch.stack(list(found.values())).sum()).backward()
    optimizer.step()
    return {name: term.detach() for name, term in found.items()}


UpdateFactory = Annotated[Callable[[], Update], Slot("update")]
