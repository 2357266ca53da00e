"""Noise schedules: ``steps -> betas [steps]``, float64, each in (0, 1)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor

from ccd.errors import ConfigError
from ccd.registry import component
from ccd.settings import OpenFraction, PositiveFloat, Slot

NoiseSchedule = Annotated[Callable[[int], Tensor], Slot("noise_schedule")]


@component("noise_schedule")
def linear_betas(
    steps: int,
    *,
    beta_start: OpenFraction = 1e-4,
    beta_end: OpenFraction = 0.02,
) -> Tensor:
    """Betas ``[steps]`` on a straight line (Ho et al. 2020).

    Args:
        steps: Number of diffusion steps T.
        beta_start: First beta.
        beta_end: Last beta. With 0.02, the released code's, 20 steps keep 90 % of the signal.

    Raises:
        ConfigError: The betas would fall.
    """
    _refuse_falling("linear_betas", beta_start=beta_start, beta_end=beta_end)
    return torch.linspace(beta_start, beta_end, steps, dtype=torch.float64)


@component("noise_schedule")
def cosine_betas(steps: int, *, offset: PositiveFloat = 0.008) -> Tensor:
    """Betas ``[steps]`` whose signal follows a squared cosine (Nichol and Dhariwal 2021).

    Args:
        steps: Number of diffusion steps T.
        offset: Keeps the first betas from vanishing.
    """
    s = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    signal = torch.cos((s + offset) / (1 + offset) * math.pi / 2) ** 2
    return (1 - signal[1:] / signal[:-1]).clamp(1e-4, 0.9999)


@component("noise_schedule")
def sqrt_betas(steps: int) -> Tensor:
    """Betas ``[steps]`` whose cumulative signal is ``1 - sqrt(t/T + 0.0001)`` (Li et al. 2022).

    Args:
        steps: Number of diffusion steps T.
    """
    s = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    signal = (1 - torch.sqrt(s + 1e-4)).clamp(min=1e-12)
    return (1 - signal[1:] / signal[:-1]).clamp(1e-8, 0.999)


@component("noise_schedule")
def exp_betas(
    steps: int, *, beta_min: PositiveFloat = 0.1, beta_max: PositiveFloat = 10.0
) -> Tensor:
    """Betas ``[steps]`` of a variance-preserving process, as in the released code.

    Args:
        steps: Number of diffusion steps T.
        beta_min: Rate at the start.
        beta_max: Rate at the end.

    Raises:
        ConfigError: The betas would fall.
    """
    _refuse_falling("exp_betas", beta_min=beta_min, beta_max=beta_max)
    z = torch.linspace(1, 2 * steps + 1, steps, dtype=torch.float64)
    return 1 - torch.exp(-beta_min / steps - z * 0.5 * (beta_max - beta_min) / steps**2)


@component("noise_schedule")
def sigmoid_betas(
    steps: int,
    *,
    beta_start: OpenFraction = 1e-4,
    beta_end: OpenFraction = 0.02,
    width: PositiveFloat = 6.0,
) -> Tensor:
    """Betas that rise along a sigmoid from ``beta_start`` to ``beta_end`` (Xu et al. 2022).

    Args:
        steps: Number of diffusion steps T.
        beta_start: Asymptote at the start.
        beta_end: Asymptote at the end.
        width: The sigmoid is evaluated on ``[-width, width]``.

    Raises:
        ConfigError: The betas would fall.
    """
    _refuse_falling("sigmoid_betas", beta_start=beta_start, beta_end=beta_end)
    ramp = torch.sigmoid(torch.linspace(-width, width, steps, dtype=torch.float64))
    return beta_start + ramp * (beta_end - beta_start)


def _refuse_falling(name: str, **ends: float) -> None:
    """Refuse a schedule whose first setting, its start, exceeds the second, its end.

    Raises:
        ConfigError: It does.
    """
    (start, low), (end, high) = ends.items()
    if low > high:
        raise ConfigError(
            f"{name}.{start} = {low} exceeds {name}.{end} = {high}, so the noise would fall with "
            "the steps",
            keys=(f"{name}.{start}", f"{name}.{end}"),
            hint="exchange the two",
        )
