"""What a negative sampler is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from ccd.backbones.base import Backbone, Representations
from ccd.graphs.items_by_user import ItemsByUser
from ccd.negative_source import NegativeSource
from ccd.settings import Slot


class SamplerWorld(NamedTuple):
    """What a sampler is built on.

    Attributes:
        seen: Training positives.
        catalogue: Items that occur in train: the only ones drawn as negatives ``[n_candidates]``.
        counts: Training interactions of each item ``[n_items]``.
        n_pools: Number of diffusion pools; 0 without NDI.
        random: Draws uniform negatives; every sampler's fallback.
        rng: The sampler's random stream.
    """

    seen: ItemsByUser
    catalogue: Tensor
    counts: Tensor
    n_pools: int
    random: RandomNegatives
    rng: torch.Generator

    def draw_distinct(self, n: int) -> Tensor:
        """``n`` distinct items of the catalogue, in ascending order."""
        order = torch.randperm(len(self.catalogue), generator=self.rng, device=self.rng.device)
        return self.catalogue[order[:n].sort().values]

    def unseen(self, users: Tensor, ids: Tensor) -> Tensor:
        """0 where a user of ``users [batch]`` has not seen an item of ``ids``, else minus infinity.

        Args:
            users: User ids.
            ids: Distinct item ids ``[n]``, the columns of the result.
        """
        rows, items = self.seen.of(users)
        columns = torch.full((self.seen.n_items,), -1, device=ids.device)
        columns[ids] = torch.arange(len(ids), device=ids.device)
        columns = columns[items]
        hit = columns >= 0
        found = torch.zeros(len(users), len(ids), device=ids.device)
        found[rows[hit], columns[hit]] = -torch.inf
        return found


class SamplingContext(NamedTuple):
    """What a sampler may look at in one step; only ``layers`` carry gradients.

    Attributes:
        epoch: Counted from 0.
        current: Representations of this step's forward pass; None unless the sampler needs them.
        epoch_end: Inference representations at the end of the last epoch; None in epoch 0.
        pools: Item representations at kept reverse steps, easy to hard
            ``[n_pools, n_items, dim]``; None without NDI, and in an epoch 0 that is random.
        layers: The layers whose mean the current representations are
            ``[n_layers + 1, n_users + n_items, dim]``; None unless the sampler needs them.
    """

    epoch: int
    current: Representations | None
    epoch_end: Representations | None
    pools: Tensor | None
    layers: Tensor | None = None


class ItemNegatives(NamedTuple):
    """Hard negatives that are items.

    Attributes:
        ids: One item id per triplet, int64 ``[batch]``.
    """

    ids: Tensor


class MadeUpNegatives(NamedTuple):
    """Hard negatives that are no items, but representations mixed from several or generated.

    Attributes:
        rows: One representation per triplet ``[batch, dim]``; gradients may flow through it.
    """

    rows: Tensor


class SharedNegatives(NamedTuple):
    """Items that are negatives of many triplets of a batch at once, for a softmax over them.

    Attributes:
        ids: Distinct item ids, int64 ``[n_shared]``.
        log_weights: Logarithm of how often each counts for each triplet ``[batch, n_shared]``; 0
            counts once, minus infinity not at all, as for items that the user has seen.
    """

    ids: Tensor
    log_weights: Tensor


Negatives = ItemNegatives | MadeUpNegatives | SharedNegatives


class Sampler(ABC):
    """Chooses a hard negative per triplet, or several that triplets share.

    Attributes:
        needs_pools: Whether it reads NDI's pools.
        splits: Whether each of several processes may ask for the negatives of a share of a batch:
            it returns SharedNegatives, and what it draws and remembers does not depend on the
            triplets. A derived class says so itself.
    """

    needs_pools: ClassVar[bool] = False
    splits: bool = False

    @classmethod
    def misfit(cls, backbone: type[Backbone]) -> str | None:
        """Why it cannot be used with ``backbone``, of which it is said; None where it can.

        Pools need DMA, which fuses.
        """
        return backbone.misfit(negatives=True, fusion=cls.needs_pools)

    @abstractmethod
    def sample(
        self, users: Tensor, positives: Tensor, negatives: Tensor, context: SamplingContext
    ) -> Negatives:
        """Items, none of them a training positive of its user, or made-up representations.

        Args:
            users: User ids ``[batch]``.
            positives: Their positive items ``[batch]``.
            negatives: The random negatives already drawn for these triplets ``[batch]``.
            context: Representations and epoch.
        """

    @abstractmethod
    def source(self, epoch: int) -> NegativeSource:
        """Where the negatives of ``epoch`` come from; asked of all epochs before training."""

    def needs(self, epoch: int) -> Literal["nothing", "current", "layers"]:
        """What of this step's forward pass it looks at; anything costs computing all rows."""
        return "nothing"

    def needs_epoch_end(self, epoch: int) -> bool:
        """Whether it looks at pools or at representations from the end of the last epoch."""
        return False

    def settled_epoch(self, max_epochs: int) -> int:
        """First epoch from which ``source`` no longer changes."""
        sources = [self.source(epoch) for epoch in range(max_epochs)]
        changes = (e for e in range(max_epochs - 1, 0, -1) if sources[e] != sources[e - 1])
        return next(changes, 0)

    def observe(self, epoch_end: Representations) -> None:  # noqa: B027 (a hook, not a duty)
        """Receive the representations at the end of each epoch; by default ignore them."""


SamplerFactory = Annotated[Callable[[SamplerWorld], Sampler], Slot("sampler")]


class RandomNegatives:
    """Random negatives from the training catalogue, rejecting what the user has seen.

    Args:
        seen: Training positives.
        catalogue: Items that occur in train ``[n_candidates]``.
        max_attempts: Rounds of redrawing before the unseen items are enumerated.
        weights: What their probabilities are proportional to ``[n_candidates]``; uniform where
            None.
    """

    def __init__(
        self,
        seen: ItemsByUser,
        catalogue: Tensor,
        max_attempts: int = 20,
        weights: Tensor | None = None,
    ) -> None:
        self.seen, self.catalogue, self.max_attempts = seen, catalogue, max_attempts
        self.weights = weights
        self._cumulative = None if weights is None else weights.double().cumsum(0)

    def draw(self, users: Tensor, rng: torch.Generator) -> Tensor:
        """One unseen item per row of ``users [n]``; a user who has seen all gets any item."""
        items = self._propose(len(users), rng)
        pending = self.seen.contains(users, items).nonzero()[:, 0]
        for _ in range(self.max_attempts):
            if not len(pending):
                return items
            items[pending] = self._propose(len(pending), rng)
            pending = pending[self.seen.contains(users[pending], items[pending])]
        for user in torch.unique(users[pending]):  # users who have seen nearly everything
            rows = pending[users[pending] == user]
            unseen = (~torch.isin(self.catalogue, self.seen.of(user[None])[1])).nonzero()[:, 0]
            if len(unseen):
                weights = torch.ones_like(unseen) if self.weights is None else self.weights[unseen]
                picks = torch.multinomial(weights.double(), len(rows), True, generator=rng)
                items[rows] = self.catalogue[unseen[picks]]
        return items

    def candidates(self, users: Tensor, n: int, rng: torch.Generator) -> Tensor:
        """``n`` items per row of ``users [batch]``, drawn like one; int64 ``[batch, n]``."""
        return self.draw(users.repeat_interleave(n), rng).view(-1, n)

    def exhausted(self, users: Tensor) -> Tensor:
        """Whether each of ``users [n]`` has seen the whole catalogue: no negative exists."""
        return self.seen.counts[users] >= len(self.catalogue)

    def _propose(self, n: int, rng: torch.Generator) -> Tensor:
        """``n`` items of the catalogue, seen or not."""
        if self._cumulative is None:
            index = torch.randint(len(self.catalogue), (n,), generator=rng, device=rng.device)
        else:
            drawn = torch.rand(n, generator=rng, device=rng.device, dtype=torch.float64)
            index = torch.searchsorted(self._cumulative, drawn * self._cumulative[-1], right=True)
            index.clamp_(max=len(self.catalogue) - 1)
        return self.catalogue.index_select(0, index)
