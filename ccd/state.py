"""What a part of training remembers from one epoch to the next, as plain values.

Weights and random streams are kept for every part. A part that remembers more says so by the two
methods of :class:`Stateful`; a checkpoint then holds it, and a run that goes on has it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch

State = dict[str, Any]
"""Tensors and JSON values, in dictionaries with text keys and in lists."""


@runtime_checkable
class Stateful(Protocol):
    """A part whose next epoch depends on more than its weights and its random stream."""

    def state(self) -> State:
        """What it remembers; the tensors may be its own, so they are to be read at once."""

    def load_state(self, state: State) -> None:
        """Take up what ``state`` gave, of a part that was built alike; tensors may be anywhere."""


def state_of(parts: Mapping[str, object]) -> State:
    """What each of the parts remembers that remembers anything."""
    return {name: part.state() for name, part in parts.items() if isinstance(part, Stateful)}


def load_state_of(parts: Mapping[str, object], state: Mapping[str, State]) -> None:
    """Give each part back what ``state_of`` said of it."""
    for name, part in parts.items():
        if isinstance(part, Stateful):
            part.load_state(state[name])


def moved(value: Any, device: torch.device) -> Any:
    """``value`` with every tensor in it on ``device``."""
    import torch  # here, because readers of run folders need only the types

    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: moved(item, device) for key, item in value.items()}
    return [moved(item, device) for item in value] if isinstance(value, list) else value


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
