"""NDI: pools of item representations kept at several reverse steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import torch
from torch import Tensor

from ccd.errors import ConfigError
from ccd.registry import component
from ccd.settings import ProperFraction, Slot


@component("pools")
class DiffusionPools:
    """NDI: keep all items' representations where given shares of the reverse steps are left.

    Args:
        steps: Number of diffusion steps T.
        fractions: Shares of steps still to be done, falling from easy (noisy) to hard (clean).
        rounding: ``quarters`` keeps after ``round(T (1 - f))`` steps, as the paper writes;
            ``code_floor`` after step index ``floor((T - 1) f)``, one step later at T = 20.

    Raises:
        ConfigError: The fractions do not fall, or T is too small to tell the pools apart.
    """

    def __init__(
        self,
        steps: int,
        *,
        fractions: tuple[ProperFraction, ...] = (0.75, 0.5, 0.25, 0.0),
        rounding: Literal["quarters", "code_floor"] = "code_floor",
    ) -> None:
        if not fractions or list(fractions) != sorted(set(fractions), reverse=True):
            raise ConfigError(
                "DiffusionPools.fractions must fall from easy to hard",
                keys=("DiffusionPools.fractions",),
                found=f"{fractions}",
                hint=f"write {tuple(sorted(set(fractions), reverse=True))}",
            )
        self.fractions = fractions
        self.keep = tuple(
            round(steps * (1 - f)) if rounding == "quarters" else steps - int((steps - 1) * f)
            for f in fractions
        )
        if len(set(self.keep)) < len(fractions) or self.keep[0] < 1:
            raise ConfigError(
                f"DiffusionPools.fractions = {fractions} need more than "
                f"GaussianDiffusion.steps = {steps} steps: the pools would be kept after "
                f"{self.keep} of them",
                keys=("DiffusionPools.fractions", "GaussianDiffusion.steps"),
                hint="raise steps or name fewer fractions",
            )

    def __len__(self) -> int:
        return len(self.fractions)

    def build(self, kept: dict[int, Tensor]) -> Tensor:
        """Pools ``[n_pools, n_items, dim]`` from the samples of a reverse process.

        Args:
            kept: Reverse steps done to the sample ``[n_items, dim]``.
        """
        return torch.stack([kept[done] for done in self.keep])


PoolsFactory = Annotated[Callable[[int], DiffusionPools], Slot("pools")]
