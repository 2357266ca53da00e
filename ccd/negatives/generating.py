"""What samplers that generate items for a user have in common."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ccd.diffusion.estimators import EstimatorFactory
from ccd.diffusion.generator import ItemGenerator
from ccd.diffusion.process import DiffusionFactory
from ccd.negatives.base import Sampler, SamplerWorld, SamplingContext
from ccd.state import State


class GeneratingSampler(Sampler):
    """Has a diffusion that learns in each step from the batch's users and what they like.

    Args:
        world: Catalogue, positives and random stream.
        diffusion: Noise process.
        estimator: Estimates items from noise and the user.
        learning_rate: That of the estimator.
    """

    def __init__(
        self,
        world: SamplerWorld,
        diffusion: DiffusionFactory,
        estimator: EstimatorFactory,
        learning_rate: float,
    ) -> None:
        self._world, self.learning_rate = world, learning_rate
        self._diffusion, self._estimator = diffusion, estimator
        self._generator: ItemGenerator | None = None

    def needs(self, epoch: int) -> Literal["nothing", "current", "layers"]:
        return "current"

    def state(self) -> State:
        generator = self._generator
        return {} if generator is None else {"dim": generator.dim, **generator.state()}

    def load_state(self, state: State) -> None:
        self._generator = None
        if state:
            # The weights are overwritten: what draws them is not the stream of the samples.
            self._generator = self._new(state["dim"], torch.Generator(self._world.rng.device))
            self._generator.load_state(state)

    def _taught(
        self, users: Tensor, positives: Tensor, context: SamplingContext
    ) -> tuple[ItemGenerator, Tensor, Tensor]:
        """The generator after it has learnt from a batch, and what of.

        Returns:
            The generator, and the representations of the users and of their positive items, each
            ``[batch, dim]``.
        """
        now, rng = context.current, self._world.rng
        assert now is not None, "needs() asks for current representations"
        queries, liked = F.embedding(users, now.users), F.embedding(positives, now.items)
        if self._generator is None:
            self._generator = self._new(liked.shape[1], rng)
        self._generator.learn(queries, liked, rng)
        return self._generator, queries, liked

    def _new(self, dim: int, rng: torch.Generator) -> ItemGenerator:
        factories = self._diffusion, self._estimator
        return ItemGenerator(dim, *factories, self.learning_rate, rng, rng.device)
