"""The contracts of parts that are plain functions: noise schedules, curricula and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ccd.checking.contract import Rule
from ccd.checking.planted import global_seed

Schedule = Callable[[int], Tensor]
Curriculum = Callable[[int, int], int]
Metric = Callable[[Tensor, int, Tensor], Tensor]


def betas_are_valid(part: Schedule) -> Iterator[str]:
    """It gives a float64 beta in (0, 1) for each step."""
    for steps in (1, 4, 20, 100):
        betas = part(steps)
        if betas.shape != (steps,) or betas.dtype != torch.float64:
            yield f"{list(betas.shape)} {betas.dtype} for {steps} steps"
        elif not bool(((betas > 0) & (betas < 1)).all()):
            yield f"from {float(betas.min()):.3g} to {float(betas.max()):.3g} for {steps} steps"


def betas_are_fixed(part: Schedule) -> Iterator[str]:
    """It gives the same betas each time."""
    found = []
    for seed in (1, 2):
        with global_seed(seed):
            found.append(part(20))
    if not torch.equal(*found):
        yield "they differ from call to call"


def pools_are_there(part: Curriculum) -> Iterator[str]:
    """Its index is a pool, or n_pools for the final representations."""
    for n_pools in (1, 2, 4, 7):
        for epoch in range(200):
            index = part(epoch, n_pools)
            if not hasattr(index, "__index__") or not 0 <= index <= n_pools:
                yield f"{index!r} in epoch {epoch} of {n_pools} pools"


def never_steps_back(part: Curriculum) -> Iterator[str]:
    """It never goes back to an easier pool, and answers alike when it is asked again."""
    for n_pools in (1, 2, 4, 7):
        indices = [part(epoch, n_pools) for epoch in range(200)]
        if indices != sorted(indices):
            yield f"it does with {n_pools} pools"
        if indices != [part(epoch, n_pools) for epoch in reversed(range(200))][::-1]:
            yield "it answers otherwise when epochs are asked in another order: it keeps a state"


def measures_users(part: Metric) -> Iterator[str]:
    """It gives a finite number per user, which the items behind the first k do not change."""
    rng = torch.Generator().manual_seed(0)
    hits = (torch.rand(30, 20, generator=rng) < 0.3).float()
    relevant = hits.sum(dim=1) + 1
    for k in (1, 5, 20):
        values = part(hits, k, relevant)
        if values.shape != (30,) or not bool(values.isfinite().all()):
            yield f"{list(values.shape)} for 30 users, or a value that is not finite, at k = {k}"
        cut = hits.clone()
        cut[:, k:] = 0
        if not torch.equal(part(cut, k, relevant), values):
            yield f"it looks behind the first {k}"


FUNCTION_RULES: dict[str, tuple[Rule[Callable[..., object]], ...]] = {
    "noise_schedule": (betas_are_valid, betas_are_fixed),  # type: ignore[dict-item]
    "curriculum": (pools_are_there, never_steps_back),  # type: ignore[dict-item]
    "metric": (measures_users,),  # type: ignore[dict-item]
}
