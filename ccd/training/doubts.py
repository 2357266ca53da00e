"""What makes numbers break, and finite numbers that nobody should trust."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from ccd.backbones.base import Representations
from ccd.backbones.projector import LinearProjector

_HUGE_LOSS = 1e6
"""Mean loss terms are below a hundred as a rule."""
_HUGE_FEATURE = 1e6
_HIGH_RATE = 1.0
_SMALL_EPSILON = 1e-20
_CELLS = 1_000_000
"""Scores looked at to see whether they have collapsed."""


def suspects(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, str]:
    """The settings that most likely made a number break: key to what to do, likeliest first.

    Args:
        model: The recommender; its ``backbone.projector`` has the features.
        optimizer: The optimiser of its weights.
    """
    found = {}
    for name, size in _feature_sizes(model).items():
        if not size <= _HUGE_FEATURE:
            found["mmrec_dataset.features"] = (
                f"scale the {name} features, which reach {size:.3g} in size"
            )
    name = type(optimizer).__name__.lower()
    group = optimizer.param_groups[0]
    if group.get("eps", 1.0) < _SMALL_EPSILON:
        found[f"{name}.epsilon"] = f"raise {name}.epsilon, which float32 takes for 0"
    rate = group["lr"]
    if rate >= _HIGH_RATE or not found:
        found["Trainer.learning_rate"] = f"lower Trainer.learning_rate (now {rate:g})"
    return found


def _feature_sizes(model: nn.Module) -> dict[str, float]:
    """Size of the largest raw feature by modality."""
    projector = getattr(model.backbone, "projector", None)
    if not isinstance(projector, LinearProjector):  # one of the user's own may keep none
        return {}
    return {name: float(table.abs().max()) for name, table in projector.raw().items()}


def huge_loss(losses: Mapping[str, float]) -> str | None:
    """What to say of a loss that is finite but beyond belief; None where there is none."""
    for name, value in losses.items():
        if abs(value) > _HUGE_LOSS:
            return f"loss term '{name}' is {value:.3g}: the run may be diverging"
    return None


@torch.no_grad()
def collapsed(representations: Representations) -> str | None:
    """What to say of scores that rank nothing; None where they do.

    A sample of users is looked at: their scores have collapsed where an item's is as good as
    another's.
    """
    users, items = representations.users, representations.items
    if users.is_sparse:  # tables that nothing was learned for
        return None
    step = max(1, len(users) * len(items) // _CELLS)
    scores = users[::step] @ items.T
    spread = scores.amax(dim=1) - scores.amin(dim=1)
    flat = spread <= 1e-6 * scores.abs().amax(dim=1)
    if 2 * int(flat.sum()) <= len(flat):
        return None
    return (
        f"the scores have collapsed: {int(flat.sum()):,} of {len(flat):,} users have the same "
        "score for every item, so their lists are drawn at random"
    )
