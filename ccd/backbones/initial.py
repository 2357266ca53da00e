"""Initial weights, from a given stream."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def xavier_uniform(table: Tensor, rng: torch.Generator) -> None:
    """Glorot's uniform initialisation of ``table [n, dim]``, from the given stream."""
    bound = math.sqrt(6.0 / (table.shape[0] + table.shape[1]))
    with torch.no_grad():
        table.uniform_(-bound, bound, generator=rng)


def xavier_normal(table: Tensor, rng: torch.Generator) -> None:
    """Glorot's normal initialisation of ``table [n, dim]``, from the given stream."""
    std = math.sqrt(2.0 / (table.shape[0] + table.shape[1]))
    with torch.no_grad():
        table.normal_(0.0, std, generator=rng)
