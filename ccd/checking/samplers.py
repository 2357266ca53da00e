"""The contract of negative samplers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ccd.backbones.base import Representations
from ccd.checking.contract import Rule
from ccd.checking.planted import N_POOLS, global_seed, sampler_world
from ccd.datasets.dataset import Dataset
from ccd.negative_source import NegativeSource
from ccd.negatives.base import (
    ItemNegatives,
    MadeUpNegatives,
    Sampler,
    SamplerWorld,
    SamplingContext,
    SharedNegatives,
)

_EPOCHS = (0, 1, 2, 5, 20, 60)
_DIM, _LAYERS, _REPEATS = 8, 3, 4


@dataclass(frozen=True)
class CheckedSampler:
    """A sampler as its rules see it.

    Attributes:
        make: Builds it on a world.
        dataset: The generated data set.
    """

    make: Callable[[SamplerWorld], Sampler]
    dataset: Dataset

    def built(self, seed: int = 0) -> tuple[Sampler, SamplerWorld]:
        """A sampler and the world it stands on."""
        world = sampler_world(self.dataset, seed)
        return self.make(world), world

    def batch(self, world: SamplerWorld) -> tuple[Tensor, Tensor, Tensor]:
        """Users, positives and random negatives: all training pairs, each once."""
        n = self.dataset.n_users + 1
        users, positives = world.seen.of(torch.arange(n))
        rng = torch.Generator().manual_seed(2)
        return users, positives, world.random.draw(users, rng)

    def context(self, epoch: int) -> SamplingContext:
        """Random representations of the sizes of the data set."""
        rng = torch.Generator().manual_seed(1)
        sizes = self.dataset.n_users + 1, self.dataset.n_items
        layers = torch.randn(_LAYERS, sum(sizes), _DIM, generator=rng)
        pools = torch.randn(N_POOLS, sizes[1], _DIM, generator=rng)
        now = Representations(*layers.mean(0).split(sizes))
        return SamplingContext(epoch, now, now, pools, layers)


def draws_no_positives(part: CheckedSampler) -> Iterator[str]:
    """No negative is a training positive of its user."""
    sampler, world = part.built()
    users, positives, negatives = part.batch(world)
    for epoch in _EPOCHS:
        for _ in range(_REPEATS):
            drawn = sampler.sample(users, positives, negatives, part.context(epoch))
            if isinstance(drawn, ItemNegatives):
                wrong = int(world.seen.contains(users, drawn.ids).sum())
                if wrong:
                    yield f"{wrong} of {len(users)} are, in epoch {epoch}"
            elif isinstance(drawn, SharedNegatives):
                rows, columns = (drawn.log_weights > -torch.inf).nonzero().T
                wrong = int(world.seen.contains(users[rows], drawn.ids[columns]).sum())
                if wrong:
                    yield f"{wrong} of {len(rows)} are, in epoch {epoch}"


def draws_one_for_each(part: CheckedSampler) -> Iterator[str]:
    """There is an item id (int64), a row of floats or weights of shared ids for each triplet."""
    sampler, world = part.built()
    users, positives, negatives = part.batch(world)
    for epoch in _EPOCHS:
        drawn = sampler.sample(users, positives, negatives, part.context(epoch))
        if isinstance(drawn, ItemNegatives):
            if drawn.ids.shape != users.shape or drawn.ids.dtype != torch.int64:
                yield f"{list(drawn.ids.shape)} {drawn.ids.dtype} for {len(users)} triplets"
            elif not bool(((drawn.ids >= 0) & (drawn.ids < part.dataset.n_items)).all()):
                yield f"an id is not in 0..{part.dataset.n_items - 1}"
        elif isinstance(drawn, MadeUpNegatives):
            if drawn.rows.shape != (len(users), _DIM) or not drawn.rows.is_floating_point():
                yield f"{list(drawn.rows.shape)} {drawn.rows.dtype} for {len(users)} triplets"
        elif isinstance(drawn, SharedNegatives):
            if drawn.log_weights.shape != (len(users), len(drawn.ids)):
                yield f"{list(drawn.log_weights.shape)} weights for {len(users)} triplets"
        else:
            yield f"sample returned a {type(drawn).__name__}"


def draws_by_the_stream(part: CheckedSampler) -> Iterator[str]:
    """Draws come from world.rng alone: a seed gives the same ones again."""
    for epoch in _EPOCHS:
        drawn = []
        for seed in (1, 2):
            with global_seed(seed):
                sampler, world = part.built()
                drawn.append(sampler.sample(*part.batch(world), part.context(epoch))[0])
        if not torch.equal(*drawn):
            yield (
                f"in epoch {epoch}, {int((drawn[0] != drawn[1]).sum()):,} of {drawn[0].numel():,} "
                "numbers differ under one seed: is it a global generator, or a set's order?"
            )


def leaves_what_it_sees(part: CheckedSampler) -> Iterator[str]:
    """What it is given stays as it is."""
    sampler, world = part.built()
    users, positives, negatives = part.batch(world)
    context = part.context(5)
    now = context.epoch_end
    assert now is not None
    known = (now.users, now.items, context.pools, context.layers)
    tables = [users, positives, negatives, *(table for table in known if table is not None)]
    copies = [table.clone() for table in tables]
    for _ in range(_REPEATS):
        sampler.observe(now)
        sampler.sample(users, positives, negatives, context)
    if not all(map(torch.equal, tables, copies)):
        yield "it changes a tensor of its arguments: clone it first"


def says_where_they_come_from(part: CheckedSampler) -> Iterator[str]:
    """source names each epoch's negatives, and always alike."""
    sampler, _ = part.built()
    for epoch in _EPOCHS:
        source = sampler.source(epoch)
        if not isinstance(source, NegativeSource):
            yield f"a {type(source).__name__} in epoch {epoch}, and no NegativeSource"
        elif source != sampler.source(epoch):
            yield f"epoch {epoch} has another source when it is asked for again"


RULES: tuple[Rule[CheckedSampler], ...] = (
    draws_one_for_each,
    draws_no_positives,
    draws_by_the_stream,
    leaves_what_it_sees,
    says_where_they_come_from,
)
