"""Independent random streams per part, so that adding a part changes no other part's numbers."""

from __future__ import annotations

import zlib

import numpy as np
import torch


class Streams:
    """Generators derived from one seed and a name.

    Args:
        seed: Seed of the run.
        device: Where the generators live.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.seed, self.device = seed, device

    def generator(self, name: str) -> torch.Generator:
        """The stream called ``name``, from its beginning."""
        sequence = np.random.SeedSequence([self.seed, zlib.crc32(name.encode())])
        state = int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
        return torch.Generator(self.device).manual_seed(state)
