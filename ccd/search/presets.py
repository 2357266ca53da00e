"""Which slots have their setting from the start: the current one, and the points of a grid."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import Trial

from ccd.search.samplers import Exhaustive, SamplerSeeds
from ccd.search.settings import DEFAULT_TRIALS
from ccd.search.space import Space


class Presets:
    """The settings of a study's slots, as far as no sampler proposes them.

    Args:
        space: The space.

    Raises:
        ConfigError: A grid was asked for and the space has no end of points.
    """

    def __init__(self, space: Space) -> None:
        self.space, self.search = space, space.target.search
        self.current = space.current() if self.search.current_first else None
        made = self.search.sampler(SamplerSeeds(self.search.seed, 0))
        self.points: list[dict[str, Any]] | None = None
        if isinstance(made, Exhaustive):
            self.points = space.points()
            if made.order == "random":
                random.Random(self.search.seed).shuffle(self.points)
            if self.current is not None:
                # Compared without order: the keys of a point come as they were chosen.
                others = [point for point in self.points if point != self.current]
                self.points = [self.current, *others]

    @property
    def identity(self) -> dict[str, str]:
        """What makes two studies comparable; of a grid also which slot has which point."""
        identity = self.space.target.identity
        if self.points is not None:
            listed = json.dumps([sorted(point.items()) for point in self.points])
            identity["Search.grid"] = hashlib.sha256(listed.encode()).hexdigest()[:16]
        return identity

    def budget(self, trials: int | None) -> int:
        """The number of slots, where the user asked for ``trials`` or left it to the recipe."""
        asked = trials or self.search.trials
        if self.points is not None:
            return min(asked or len(self.points), len(self.points))
        return asked or DEFAULT_TRIALS

    def __call__(self, slot: int) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
        """The slot's values and their distributions; empty where a sampler proposes them."""
        params: dict[str, Any] = {}
        if self.points is not None:
            params = self.points[slot]
        elif slot == 0 and self.current is not None:
            params = self.current
        return params, {key: self.space.domains[key].distribution for key in params}

    def sampler(self, slot: int) -> BaseSampler:
        """The sampler of a slot, with random numbers of its own."""
        state = np.random.SeedSequence([self.search.seed, slot]).generate_state(1)
        made = self.search.sampler(SamplerSeeds(self.search.seed, int(state[0])))
        return RandomSampler(seed=0) if isinstance(made, Exhaustive) else made

    def texts(self, slot: int, trial: Trial) -> dict[str, str]:
        """The slot's setting as gin reads it."""
        domains = self.space.domains
        if slot == 0 and self.current is not None:
            # As the recipe stands: what lies outside the space is left as it is.
            return {key: domains[key].text(value) for key, value in self.current.items()}
        return self.space.assign(lambda key, domain: domain.suggest(trial, key))
