"""What samplers that follow a curriculum over the pools have in common."""

from __future__ import annotations

import operator
from typing import Literal

from torch import Tensor

from ccd.errors import ConfigError
from ccd.negative_source import NegativeSource
from ccd.negatives.base import Sampler, SamplerWorld, SamplingContext
from ccd.negatives.curricula import Curriculum


class PoolSampler(Sampler):
    """Looks at the pool that a curriculum names; after the last one, at final representations.

    Args:
        world: Catalogue, positives and random stream.
        curriculum: Which pool an epoch uses.
        first_epoch: ``random`` negatives in epoch 0, or a ``pool`` of the untrained model.
        final_source: Final representations as they are now (``current``) or as they were at the
            last ``epoch`` end, as pools are.
    """

    needs_pools = True

    def __init__(
        self,
        world: SamplerWorld,
        curriculum: Curriculum,
        *,
        first_epoch: Literal["random", "pool"] = "random",
        final_source: Literal["current", "epoch"] = "epoch",
    ) -> None:
        curriculum(0, world.n_pools)  # wrong settings are refused before training
        self._world, self.curriculum = world, curriculum
        self.first_epoch, self.final_source = first_epoch, final_source

    def source(self, epoch: int) -> NegativeSource:
        index, n_pools = self._index(epoch), self._world.n_pools
        if index is None:
            return NegativeSource.random()
        if index == n_pools:
            return NegativeSource.final()
        return NegativeSource.of_pool(index + 1, n_pools)

    def needs(self, epoch: int) -> Literal["nothing", "current", "layers"]:
        final = self._index(epoch) == self._world.n_pools
        return "current" if final and self.final_source == "current" else "nothing"

    def needs_epoch_end(self, epoch: int) -> bool:
        return self._index(epoch) is not None

    def _table(self, index: int, context: SamplingContext) -> Tensor:
        """The item representations that the epoch compares ``[n_items, dim]``."""
        if index < self._world.n_pools:
            assert context.pools is not None, "the recommender samples pools before they are used"
            return context.pools[index]
        source = context.current if self.needs(context.epoch) == "current" else context.epoch_end
        assert source is not None, "the recommender infers before representations are used"
        return source.items

    def _index(self, epoch: int) -> int | None:
        """The epoch's pool; None for random negatives."""
        if epoch == 0 and self.first_epoch == "random":
            return None
        n_pools = self._world.n_pools
        given = self.curriculum(epoch, n_pools)
        try:
            index = operator.index(given)
        except TypeError:
            index = -1
        if not 0 <= index <= n_pools:
            key = f"{type(self).__name__}.curriculum"
            raise ConfigError(
                f"{key} must give a whole number from 0 to {n_pools}",
                keys=(key,),
                found=f"{given!r} in epoch {epoch}",
                hint=f"0 is the easiest pool, {n_pools - 1} the hardest, and {n_pools} stands for "
                "the final representations",
            )
        return index
