"""Optimisers as components."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any

import torch

from ccd.registry import component
from ccd.settings import NonNegativeFloat, PositiveFloat, ProperFraction, Slot
from ccd.state import State

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


def optimizer_state(optimizer: torch.optim.Optimizer) -> State:
    """What an optimiser remembers of each parameter and each group, under text keys."""
    whole = optimizer.state_dict()
    groups = [{k: v for k, v in group.items() if k != "params"} for group in whole["param_groups"]]
    return {"parameters": {str(k): v for k, v in whole["state"].items()}, "groups": groups}


def load_optimizer_state(optimizer: torch.optim.Optimizer, state: State) -> None:
    """Give it back to an optimiser of the same parameters."""
    groups = optimizer.state_dict()["param_groups"]
    for group, saved in zip(groups, state["groups"], strict=True):
        for name, value in saved.items():  # a file knows lists only, and betas are a tuple
            group[name] = tuple(value) if isinstance(group[name], tuple) else value
    parameters = {int(k): v for k, v in state["parameters"].items()}
    optimizer.load_state_dict({"state": parameters, "param_groups": groups})
