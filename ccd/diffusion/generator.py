"""Diffusion that learns what items a user likes, and generates representations of such items."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from ccd.diffusion.estimators import EstimatorFactory
from ccd.diffusion.process import DiffusionFactory
from ccd.state import State, load_optimizer_state, optimizer_state


class ItemGenerator:
    """Estimates the items' representations from noised ones and their users' representations.

    It trains beside the recommender, by Adam, and no gradient reaches the recommender. What it sees
    is scaled to a root mean square of 1, so that a noise schedule means the same at any scale.

    Args:
        dim: Width of the representations.
        diffusion: Noise process.
        estimator: Conditional estimator; the user is its only condition.
        learning_rate: Adam's.
        rng: Stream of the initial weights.
        device: Where the weights live.
    """

    def __init__(
        self,
        dim: int,
        diffusion: DiffusionFactory,
        estimator: EstimatorFactory,
        learning_rate: float,
        rng: torch.Generator,
        device: torch.device,
    ) -> None:
        self.dim, self.diffusion = dim, diffusion(device)
        self.estimator = estimator(dim, 1, rng, device)
        self.optimizer = torch.optim.Adam(self.estimator.parameters(), lr=learning_rate, fused=True)

    @torch.enable_grad()
    def learn(self, users: Tensor, items: Tensor, rng: torch.Generator) -> None:
        """One step down the squared error of the estimates (Eq. 5).

        Args:
            users: Representations of users ``[n, dim]``.
            items: Representations of an item that each of them likes ``[n, dim]``.
            rng: Stream of timesteps and noise.
        """
        x0 = _scaled(items.detach())[0]
        timesteps = self.diffusion.draw_timesteps(len(x0), rng)
        noise = torch.empty_like(x0).normal_(generator=rng) * self.diffusion.noise_std(x0)
        x_t = self.diffusion.add_noise(x0, noise, timesteps)
        loss = F.mse_loss(self._predict(x_t, timesteps, self._encoded(users)), x0)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()

    @torch.no_grad()
    def generate(
        self, users: Tensor, items: Tensor, keep: Sequence[int], rng: torch.Generator
    ) -> dict[int, Tensor]:
        """Noise ``items [n, dim]`` and reverse that; the samples ``[n, dim]`` at kept steps.

        See :meth:`GaussianDiffusion.reverse`. With a schedule that ends in noise alone, nothing is
        left of the items.
        """
        x0, scale = _scaled(items)
        encoded = self._encoded(users)
        kept = self.diffusion.reverse(x0, lambda x, t: self._predict(x, t, encoded), keep, rng)
        return {done: x * scale for done, x in kept.items()}

    def state(self) -> State:
        """The weights, and what Adam remembers of them."""
        weights = self.estimator.state_dict()
        return {"weights": weights, "optimizer": optimizer_state(self.optimizer)}

    def load_state(self, state: State) -> None:
        """Take up what ``state`` gave."""
        self.estimator.load_state_dict(state["weights"])
        load_optimizer_state(self.optimizer, state["optimizer"])

    def _encoded(self, users: Tensor) -> Tensor:
        encoded: Tensor = self.estimator.encode(_scaled(users.detach())[0][:, None])
        return encoded

    def _predict(self, x_t: Tensor, timesteps: Tensor, encoded: Tensor) -> Tensor:
        estimate: Tensor = self.estimator(x_t, timesteps + self.diffusion.first_index, encoded)
        return estimate


def _scaled(rows: Tensor) -> tuple[Tensor, Tensor]:
    """``rows [n, dim]`` over their root mean square, and that."""
    scale = rows.square().mean().sqrt().clamp(min=1e-12)
    return rows / scale, scale
