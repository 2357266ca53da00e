"""Where the hard negatives of an epoch come from, as a value: history and displays read it too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class NegativeSource:
    """What a sampler draws hard negatives from in one epoch.

    Two epochs are sampled in the same way exactly where their sources are equal. The label does not
    count in this: it is shown and nothing else, and may say more, such as the current temperature.

    Attributes:
        kind: ``none`` without a sampler; ``random`` items; a ``pool`` of NDI's; the ``final``
            representations; or the sampler's ``own`` way.
        pool: Number of the pool, from 1, the easiest; None for other kinds.
        n_pools: Number of pools; None for other kinds.
        stage: Step of the sampler's own schedule, from 0. It must stop growing where the schedule
            ends, because training counts its patience from there.
        label: Its name for people.
    """

    kind: Literal["none", "random", "pool", "final", "own"]
    pool: int | None = None
    n_pools: int | None = None
    stage: int = 0
    label: str = field(default="", compare=False)

    @classmethod
    def none(cls) -> NegativeSource:
        """No hard negatives at all."""
        return cls("none", label="none")

    @classmethod
    def random(cls) -> NegativeSource:
        """Uniform random items, as easy as the random negatives."""
        return cls("random", label="random")

    @classmethod
    def of_pool(cls, pool: int, n_pools: int) -> NegativeSource:
        """One of NDI's pools, by its number from 1, the easiest."""
        return cls("pool", pool, n_pools, label=f"pool {pool}/{n_pools}")

    @classmethod
    def final(cls) -> NegativeSource:
        """The final item representations, regarded as the hardest pool."""
        return cls("final", label="final")

    @classmethod
    def own(cls, label: str, *, stage: int = 0) -> NegativeSource:
        """The sampler's own way, and the step of its schedule if it has one."""
        return cls("own", stage=stage, label=label)

    @property
    def short_label(self) -> str:
        """The label where there is little room: ``2/4`` for a pool."""
        return f"{self.pool}/{self.n_pools}" if self.kind == "pool" else self.label
