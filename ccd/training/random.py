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

    Attributes:
        generators: Every stream that was asked for, by name: the random state of a whole run.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.seed, self.device = seed, device
        self.generators: dict[str, torch.Generator] = {}

    def generator(self, name: str) -> torch.Generator:
        """The stream called ``name``, from its beginning."""
        sequence = np.random.SeedSequence([self.seed, zlib.crc32(name.encode())])
        state = int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
        self.generators[name] = torch.Generator(self.device).manual_seed(state)
        return self.generators[name]
