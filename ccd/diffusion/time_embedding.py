"""Sinusoidal embedding of timesteps."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sinusoidal_embedding(timesteps: Tensor, dim: int) -> Tensor:
    """``[sin(t w_j); cos(t w_j)]`` with ``w_j = 10000^(-j / (dim/2 - 1))``; ``[n, dim]``.

    Args:
        timesteps: Step indices ``[n]``.
        dim: Even embedding size, at least 4.
    """
    half = dim // 2
    exponents = torch.arange(half, device=timesteps.device, dtype=torch.float32) / (half - 1)
    angles = timesteps.float()[:, None] * torch.exp(-math.log(10_000.0) * exponents)[None]
    return torch.cat([angles.sin(), angles.cos()], dim=1)
