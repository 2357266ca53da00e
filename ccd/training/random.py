"""Independent random streams per part, so that adding a part changes no other part's numbers."""

from __future__ import annotations

import zlib

import numpy as np
import torch

from ccd.state import State


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
        generator = torch.Generator(self.device).manual_seed(self._seed(name))
        self.generators[name] = generator
        return generator

    def state(self) -> State:
        """Where every stream is."""
        states = {name: one.get_state() for name, one in self.generators.items()}
        return {"device": self.device.type, "generators": states}

    def load_state(self, state: State) -> None:
        """Go to where the streams of ``state`` were, in the generators that parts hold already.

        Another kind of device draws other numbers; there each stream goes to a place of its own
        that depends on where it was.
        """
        for name, there in state["generators"].items():
            if state["device"] == self.device.type:
                self.generators[name].set_state(there.cpu())
            else:
                self.generators[name].manual_seed(
                    self._seed(name, zlib.crc32(there.cpu().numpy().tobytes()))
                )

    def _seed(self, name: str, *more: int) -> int:
        sequence = np.random.SeedSequence([self.seed, zlib.crc32(name.encode()), *more])
        return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
