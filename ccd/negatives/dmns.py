"""DMNS: negatives that a diffusion generates for the user, noisier ones and cleaner ones."""

from __future__ import annotations

import torch
from torch import Tensor

from ccd.diffusion.estimators import EstimatorFactory
from ccd.diffusion.process import DiffusionFactory
from ccd.errors import ConfigError
from ccd.negative_source import NegativeSource
from ccd.negatives.base import MadeUpNegatives, SamplerWorld, SamplingContext
from ccd.negatives.generating import GeneratingSampler
from ccd.registry import component
from ccd.settings import REQUIRED, PositiveFloat, ProperFraction


@component("sampler")
class DMNSSampler(GeneratingSampler):
    """Samples of a diffusion over the items that users like, conditioned on the triplet's user.

    Nguyen and Fang 2024. The reverse process starts from noise; stopped early, it gives easier
    negatives, later harder ones. The source adds up the losses of the samples at several steps, in
    which each step has a weight. Here each triplet draws one of the steps, as likely as its weight:
    on average that is the same loss. The diffusion learns in each step of training from the batch's
    users and positives; no gradient passes through the negatives.

    Args:
        world: Catalogue, positives and random stream.
        diffusion: Noise process; its schedule should end in noise alone.
        estimator: Estimates items from noise and the user.
        fractions: Shares of the process's steps that are left where it stops.
        weights: What each of them counts.
        learning_rate: That of the estimator.

    Raises:
        ConfigError: ``fractions`` and ``weights`` differ in number.
    """

    def __init__(
        self,
        world: SamplerWorld,
        *,
        diffusion: DiffusionFactory = REQUIRED,
        estimator: EstimatorFactory = REQUIRED,
        fractions: tuple[ProperFraction, ...] = (0.1, 0.125, 0.25, 0.5),
        weights: tuple[PositiveFloat, ...] = (1.0, 0.9, 0.8, 0.7),
        learning_rate: PositiveFloat = 1e-3,
    ) -> None:
        if not fractions or len(fractions) != len(weights):
            raise ConfigError(
                f"DMNSSampler needs a weight for each fraction, and has {len(weights)} for "
                f"{len(fractions)}",
                keys=("DMNSSampler.fractions", "DMNSSampler.weights"),
                found=f"{fractions} and {weights}",
            )
        super().__init__(world, diffusion, estimator, learning_rate)
        self.fractions, self.weights = fractions, weights

    def sample(
        self, users: Tensor, positives: Tensor, negatives: Tensor, context: SamplingContext
    ) -> MadeUpNegatives:
        rng = self._world.rng
        generator, queries, liked = self._taught(users, positives, context)
        steps = generator.diffusion.steps
        keep = [max(1, steps - round(steps * fraction)) for fraction in self.fractions]
        kept = generator.generate(queries, liked, keep, rng)
        weights = torch.tensor(self.weights, device=rng.device)
        drawn = torch.multinomial(weights, len(users), True, generator=rng)
        samples = torch.stack([kept[done] for done in keep])
        return MadeUpNegatives(samples[drawn, torch.arange(len(users), device=drawn.device)])

    def source(self, epoch: int) -> NegativeSource:
        return NegativeSource.own("generated for the user")
