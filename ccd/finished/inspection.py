"""A finished run's model, rebuilt at its best epoch to be looked into."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ccd.backbones.base import Batch
from ccd.datasets.dataset import Dataset
from ccd.datasets.ids import plain_number
from ccd.errors import ConfigError
from ccd.finished.runs import FinishedRun
from ccd.graphs.items_by_user import ItemsByUser
from ccd.negative_source import NegativeSource
from ccd.negatives.base import ItemNegatives, RandomNegatives
from ccd.negatives.probe import Triplets, measure
from ccd.runs.history import stages
from ccd.suggestions import closest
from ccd.training.recommender import Recommender

_TRIPLETS, _DRAWS = 1024, 200
"""Drawn to measure a pool, and for one user."""


@dataclass(frozen=True)
class Stage:
    """Epochs whose hard negatives came from one source.

    Attributes:
        source: Where they came from.
        first: First epoch.
        last: Last epoch.
        measures: As ``ccd.negatives.probe.measure`` names them; means over the epochs.
    """

    source: NegativeSource
    first: int
    last: int
    measures: dict[str, float]


@dataclass(frozen=True)
class DrawnItem:
    """An item that was drawn as a negative of one user.

    Attributes:
        item: Its id.
        name: What it is called; empty where the data set does not say.
        share: Of all draws.
        to_positive: Mean cosine to the positives it was drawn for, in final representations.
        to_user: Cosine to the user.
        held_out: Whether it is a validation positive of the user.
    """

    item: str
    name: str
    share: float
    to_positive: float
    to_user: float
    held_out: bool


@dataclass(frozen=True)
class Inspected:
    """What ``ccd negatives`` shows.

    Attributes:
        variant: The variant.
        seed: Its seed.
        recorded: Whether the stages were recorded in training; else they were drawn anew from
            the model at ``best_epoch``.
        best_epoch: Epoch of the saved model.
        stages: In the order of training.
        user: The user asked for, their positives and the pool of their negatives, for people.
        items: What was drawn for that user, most often drawn first.
    """

    variant: str
    seed: int
    recorded: bool
    best_epoch: int
    stages: tuple[Stage, ...]
    user: str = ""
    items: tuple[DrawnItem, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class Inspection:
    """The model at the best epoch, with its pools, which are not kept, made anew.

    Args:
        run: A finished run.
        dataset: Its data set.
    """

    def __init__(self, run: FinishedRun, dataset: Dataset) -> None:
        self.run, self.dataset = run, dataset
        self.model = _with_pools(run.rebuild(dataset))
        self.final = run.representations
        train = torch.from_numpy(dataset.train.users), torch.from_numpy(dataset.train.items)
        self.seen = ItemsByUser(*train, dataset.n_users, dataset.n_items)
        valid = torch.from_numpy(dataset.valid.users), torch.from_numpy(dataset.valid.items)
        self.held_out = ItemsByUser(*valid, dataset.n_users, dataset.n_items)
        self._random = RandomNegatives(self.seen, torch.unique(train[1]))
        self._rng = torch.Generator().manual_seed(run.result.seed)

    def sources(self) -> dict[NegativeSource, int]:
        """Each source of hard negatives and its first epoch, in the order of training."""
        found: dict[NegativeSource, int] = {}
        for epoch in range(self.run.experiment.trainer.epochs):
            found.setdefault(self.model.source(epoch), epoch)
        return found

    def draw(self, users: Tensor, positives: Tensor, epoch: int) -> Triplets | None:
        """Triplets ``[n]`` of the given pairs with the hard negatives of an epoch's source.

        None where the run has none, or none that are items.
        """
        randoms = self._random.draw(users, self._rng)
        hards = self.model.draw(Batch(users, positives, randoms), epoch)
        if not isinstance(hards, ItemNegatives):
            return None
        return Triplets(users, positives, randoms, hards.ids)

    def measure(self, epoch: int) -> dict[str, float]:
        """What the probe would measure, of training pairs chosen by the run's seed.

        Raises:
            ConfigError: The run has no hard negatives that are items.
        """
        train = self.dataset.train
        rows = np.random.default_rng(self.run.result.seed).permutation(len(train))[:_TRIPLETS]
        pairs = torch.from_numpy(train.users[rows]), torch.from_numpy(train.items[rows])
        drawn = self.draw(*pairs, epoch)
        if drawn is None:
            raise ConfigError(
                f"{self.run.folder.name} draws no items as hard negatives: it has no sampler, or "
                "one that makes up representations",
                keys=("--variant",),
                hint="choose another --variant",
            )
        weight = self.run.experiment.losses.hard_weight
        return measure(drawn, self.final, self.held_out, weight)

    def items_of(self, user: int, epoch: int) -> tuple[DrawnItem, ...]:
        """Items drawn for a user, over all positives in turn.

        Raises:
            ConfigError: The user has no training interaction.
        """
        positives = self.seen.of(torch.tensor([user]))[1]
        if not len(positives):
            raise ConfigError(
                f"user {user} has no training interaction, so no negatives", keys=("--user",)
            )
        turns = positives.repeat(-(-_DRAWS // len(positives)))[:_DRAWS]
        drawn = self.draw(torch.full_like(turns, user), turns, epoch)
        if drawn is None:
            return ()
        rows = F.embedding(drawn.hards, self.final.items)
        near = F.cosine_similarity(rows, F.embedding(drawn.positives, self.final.items))
        to_user = F.cosine_similarity(rows, self.final.users[user][None])
        false = self.held_out.contains(drawn.users, drawn.hards)
        found = []
        for item, count in Counter(drawn.hards.tolist()).most_common():
            at = drawn.hards == item
            found.append(
                DrawnItem(
                    item=name_of(item, self.dataset.item_ids),
                    name=self.dataset.item_names[item] if self.dataset.item_names else "",
                    share=count / len(turns),
                    to_positive=near[at].mean().item(),
                    to_user=to_user[at][0].item(),
                    held_out=bool(false[at][0]),
                )
            )
        return tuple(found)


def inspect_negatives(
    run: FinishedRun, data_dir: Path | None = None, *, user: str | None, epoch: int | None
) -> Inspected:
    """The hard negatives of a run, by pool or of one epoch, and those of one user.

    What training recorded is read; only without it, and for a user, the model is rebuilt.

    Raises:
        ConfigError: The run has no such epoch, user or negatives.
    """
    result = run.result
    if epoch is not None and not 0 <= epoch < result.epochs:
        raise ConfigError(
            f"{run.folder.name} was trained for epochs 0 to {result.epochs - 1}",
            keys=("--epoch",),
            found=f"--epoch {epoch}",
        )
    stages = _recorded(run, epoch)
    rebuilt = None
    if not stages or user is not None:
        rebuilt = Inspection(run, run.dataset(data_dir))
    recorded = bool(stages)
    if rebuilt is not None and not recorded:
        stages = [
            Stage(source, first, last, rebuilt.measure(first))
            for source, (first, last) in _epochs_by_source(run, epoch).items()
        ]
    found = Inspected(result.variant, result.seed, recorded, result.best_epoch, tuple(stages))
    if rebuilt is None or user is None:
        return found
    at = result.best_epoch if epoch is None else epoch
    index = index_of(user, rebuilt.dataset.user_ids, rebuilt.dataset.n_users)
    liked = rebuilt.seen.of(torch.tensor([index]))[1].tolist()
    names = ", ".join(_called(item, rebuilt.dataset) for item in liked)
    source = rebuilt.model.source(at).label
    words = (
        f"user {user}, who interacted with {names}; negatives of epoch {at}: {source}, drawn "
        f"anew from the model of epoch {result.best_epoch}"
    )
    return replace(found, user=words, items=rebuilt.items_of(index, at))


def _with_pools(model: Recommender) -> Recommender:
    """The model with what it draws hard negatives from: NDI's pools and its representations."""
    model.redraw_pools()
    model.infer()
    return model


def name_of(index: int, ids: tuple[str, ...]) -> str:
    """The id in the data's files of a user or item."""
    return ids[index] if ids else str(index)


def _called(item: int, dataset: Dataset) -> str:
    """An item's id, with its name in brackets where it has one."""
    name = dataset.item_names[item] if dataset.item_names else ""
    return name_of(item, dataset.item_ids) + (f" ({name})" if name else "")


def index_of(name: str, ids: tuple[str, ...], n: int) -> int:
    """The position of a user or item with that id.

    Raises:
        ConfigError: There is none.
    """
    if ids:
        if name in ids:
            return ids.index(name)
        near = closest(name, ids)
        hint = f"did you mean {near}?" if near else ""
        raise ConfigError(f"no '{name}' in the data set", hint=hint)
    position = plain_number(name)
    if position is None or position >= n:
        raise ConfigError(f"no '{name}' in the data set", hint=f"its ids are 0 to {n - 1}")
    return position


def _recorded(run: FinishedRun, epoch: int | None) -> list[Stage]:
    records = [r for r in run.history if r.negatives and epoch in (None, r.epoch)]
    found = []
    for source, part in stages(records):
        measured = [record.negatives or {} for record in part]
        means = {key: float(np.mean([values[key] for values in measured])) for key in measured[0]}
        found.append(Stage(source, part[0].epoch, part[-1].epoch, means))
    return found


def _epochs_by_source(run: FinishedRun, epoch: int | None) -> dict[NegativeSource, tuple[int, int]]:
    """Each source of a run's negatives, its first and its last epoch."""
    found: dict[NegativeSource, tuple[int, int]] = {}
    for record in run.history:
        if epoch in (None, record.epoch):
            first, _ = found.get(record.source, (record.epoch, 0))
            found[record.source] = (first, record.epoch)
    return found
