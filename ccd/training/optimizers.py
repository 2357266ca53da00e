"""Optimisers as components."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any

import torch

from ccd.registry import component
from ccd.settings import NonNegativeFloat, PositiveFloat, ProperFraction, Slot

OptimizerFactory = Annotated[
    Callable[[Iterable[dict[str, Any]]], torch.optim.Optimizer], Slot("optimizer")
]


@component("optimizer")
def adam(
    groups: Iterable[dict[str, Any]],
    *,
    beta1: ProperFraction = 0.9,
    beta2: ProperFraction = 0.999,
    epsilon: PositiveFloat = 1e-8,
    weight_decay: NonNegativeFloat = 0.0,
) -> torch.optim.Optimizer:
    """Adam (Kingma and Ba 2015), fused.

    Args:
        groups: Parameter groups, each with ``params`` and ``lr``.
        beta1: Decay of the first moment.
        beta2: Decay of the second moment.
        epsilon: Added to the denominator.
        weight_decay: L2 penalty added to the gradient.
    """
    return torch.optim.Adam(
        groups, betas=(beta1, beta2), eps=epsilon, weight_decay=weight_decay, fused=True
    )


@component("optimizer")
def adamw(
    groups: Iterable[dict[str, Any]],
    *,
    beta1: ProperFraction = 0.9,
    beta2: ProperFraction = 0.999,
    epsilon: PositiveFloat = 1e-8,
    weight_decay: NonNegativeFloat = 0.01,
) -> torch.optim.Optimizer:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), fused.

    Args:
        groups: Parameter groups, each with ``params`` and ``lr``.
        beta1: Decay of the first moment.
        beta2: Decay of the second moment.
        epsilon: Added to the denominator.
        weight_decay: Share of each weight removed per unit of learning rate.
    """
    return torch.optim.AdamW(
        groups, betas=(beta1, beta2), eps=epsilon, weight_decay=weight_decay, fused=True
    )
