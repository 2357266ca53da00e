"""The noise process: forward diffusion and reverse steps. It has no weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor

from ccd.diffusion.noise_schedules import NoiseSchedule
from ccd.errors import ConfigError
from ccd.ranks.share import EVERYTHING, Share
from ccd.registry import component
from ccd.settings import REQUIRED, PositiveInt, Slot

Predict = Callable[[Tensor, Tensor], Tensor]
"""``(x_t [n, dim], timesteps [n]) -> x0 estimate [n, dim]``."""


@component("diffusion")
class GaussianDiffusion:
    """Gaussian diffusion that is reversed with an estimate of ``x_0`` (Eq. 1-3).

    The paper's ``alpha_t`` of Eq. 1 is the cumulative product of ``1 - beta``.

    Args:
        device: Where the coefficients live.
        betas: Noise schedule.
        steps: Number of steps T; indices run from 0 to T - 1.
        posterior: ``x0``, the exact DDPM posterior in x0 form; ``eps_literal``, the paper's Eq. 3
            as written, an epsilon formula fed with an x0 estimate.
        timestep_sampling: ``antithetic`` pairs t with T - 1 - t; ``uniform`` draws independently.
        noise_unit: Standard deviation of the noise: 1 (``absolute``), or the root mean square of
            the embeddings (``rms``), so that a schedule means the same at any embedding scale.
        first_index: The index that the time embedding sees for the first step: 0 or the paper's 1.

    Raises:
        ConfigError: The schedule gives betas outside (0, 1).
    """

    def __init__(
        self,
        device: torch.device,
        *,
        betas: NoiseSchedule = REQUIRED,
        steps: PositiveInt = 20,
        posterior: Literal["x0", "eps_literal"] = "x0",
        timestep_sampling: Literal["antithetic", "uniform"] = "antithetic",
        noise_unit: Literal["absolute", "rms"] = "absolute",
        first_index: Literal[0, 1] = 0,
    ) -> None:
        beta = betas(steps)
        if beta.shape != (steps,) or not bool(((beta > 0) & (beta < 1)).all()):
            raise ConfigError(
                f"GaussianDiffusion.betas must give {steps} values in (0, 1)",
                keys=("GaussianDiffusion.betas",),
                found=f"{tuple(beta.shape)} from {float(beta.min()):.3g} to "
                f"{float(beta.max()):.3g}",
                hint="change the schedule's range",
            )
        self.steps, self.posterior = steps, posterior
        self.timestep_sampling = timestep_sampling
        self.noise_unit, self.first_index = noise_unit, first_index
        alphas_cumprod = torch.cumprod(1 - beta, dim=0)
        previous = torch.cat([torch.ones(1, dtype=torch.float64), alphas_cumprod[:-1]])
        # Eq. 1: x_t = signal x_0 + noise epsilon.
        signal, noise = alphas_cumprod.sqrt(), (1 - alphas_cumprod).sqrt()
        # The mean of x_{t-1} is x0_weight x_0 + xt_weight x_t, its variance that of formula (7) of
        # Ho et al. 2020.
        if posterior == "x0":  # their formula (7) for the mean too
            x0_weight = beta * previous.sqrt() / (1 - alphas_cumprod)
            xt_weight = (1 - previous) * (1 - beta).sqrt() / (1 - alphas_cumprod)
        else:  # Eq. 3, with the estimate of x_0 in the place of epsilon
            x0_weight = -beta / ((1 - alphas_cumprod) * (1 - beta)).sqrt()
            xt_weight = 1 / (1 - beta).sqrt()
        std = (beta * (1 - previous) / (1 - alphas_cumprod)).sqrt()
        self._signal, self._noise, self._x0_weight, self._xt_weight, self._std = (
            x.float().to(device) for x in (signal, noise, x0_weight, xt_weight, std)
        )

    def noise_std(self, x0: Tensor) -> Tensor:
        """Standard deviation of one unit of noise for embeddings ``x0``; a scalar."""
        return x0.detach().square().mean().sqrt() if self.noise_unit == "rms" else x0.new_ones(())

    def draw_timesteps(self, n: int, rng: torch.Generator) -> Tensor:
        """Training timesteps ``[n]``, int64 in ``0..T-1``."""
        if self.timestep_sampling == "uniform":
            return torch.randint(self.steps, (n,), generator=rng, device=rng.device)
        half = torch.randint(self.steps, (n // 2 + 1,), generator=rng, device=rng.device)
        return torch.cat([half, self.steps - 1 - half])[:n]

    def add_noise(self, x0: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """``x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise`` (Eq. 1); ``[n, dim]``."""
        return self._signal[timesteps, None] * x0 + self._noise[timesteps, None] * noise

    def step(self, x0_pred: Tensor, timestep: int, x_t: Tensor, noise: Tensor | None) -> Tensor:
        """``x_{t-1}`` from ``x_t`` and an estimate of ``x_0`` (Eq. 3).

        Args:
            x0_pred: Estimate of ``x_0 [n, dim]``.
            timestep: Index t in ``0..T-1``.
            x_t: Current sample ``[n, dim]``.
            noise: Noise z ``[n, dim]``; None for the mean.
        """
        # 1. The mean of x_{t-1}: formula (7) of Ho et al. 2020, or Eq. 3 as the paper writes it.
        mean = self._x0_weight[timestep] * x0_pred + self._xt_weight[timestep] * x_t
        # 2. Add noise sigma_t z, but not in the step to x_0.
        return mean if noise is None else mean + self._std[timestep] * noise

    @torch.no_grad()
    def reverse(
        self,
        x0: Tensor,
        predict: Predict,
        keep: Sequence[int],
        rng: torch.Generator,
        share: Share = EVERYTHING,
    ) -> dict[int, Tensor]:
        """Noise ``x0 [n, dim]`` to the last step and reverse it, keeping some samples on the way.

        Args:
            x0: Clean embeddings.
            predict: The estimator.
            keep: Numbers of reverse steps after which the sample is kept, from 1 to T.
            rng: Stream of the noise, which is drawn for all rows.
            share: The rows that are reversed and of which ``predict`` estimates ``x_0``.

        Returns:
            Number of reverse steps done to the sample of these rows; T, the last, always among
            them.
        """
        std = self.noise_std(x0)

        def noise() -> Tensor:
            return share.of(torch.empty_like(x0).normal_(generator=rng)) * std

        # 1. Begin at x_T: the embeddings, noised (Eq. 1).
        x = share.of(x0)
        x = self.add_noise(x, noise(), torch.full((len(x),), self.steps - 1, device=x.device))
        kept = {}
        for done in range(1, self.steps + 1):
            t = self.steps - done
            # 2. Predict x_0 from x_t with the estimator.
            x0_pred = predict(x, torch.full((len(x),), t, device=x.device))
            # 3. Go from x_t to x_{t-1} (Eq. 2): posterior mean and noise.
            x = self.step(x0_pred, t, x, noise() if t > 0 else None)
            # 4. Keep what NDI makes a pool of, and the last.
            if done in keep or done == self.steps:
                kept[done] = x
        return kept


DiffusionFactory = Annotated[Callable[[torch.device], GaussianDiffusion], Slot("diffusion")]
