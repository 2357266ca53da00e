"""Weights of one model in another, whose users and items are partly the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ccd.cold_items.placing import ColdItems
from ccd.cold_items.scales import unscaled
from ccd.datasets.dataset import Dataset
from ccd.fold_in import fold_in
from ccd.graphs.engines import Engine
from ccd.training.recommender import Recommender

T = TypeVar("T")


@dataclass(frozen=True)
class Matching:
    """Where users and items were before.

    Attributes:
        users: int64 earlier position of each user ``[n_users]``; -1 where there was none.
        items: The same of items ``[n_items]``.
    """

    users: np.ndarray
    items: np.ndarray


@dataclass(frozen=True)
class Start:
    """An earlier model that training begins with.

    Attributes:
        weights: What its ``state_dict`` gave.
        items: Its final vectors of items ``[n_items, dim]``.
        matching: Where the users and items that are trained now are in it.
    """

    weights: Mapping[str, Tensor]
    items: Tensor
    matching: Matching


def match_ids(before: Sequence[str], now: Sequence[str]) -> np.ndarray:
    """int64 position in ``before`` of each id of ``now``; -1 where it is not there."""
    place = {name: position for position, name in enumerate(before)}
    return np.array([place.get(name, -1) for name in now], dtype=np.int64)


def begin_with(model: Recommender, dataset: Dataset, engine: Engine, start: Start) -> None:
    """Give a model the weights of an earlier one.

    An item that is new gets the mean of its neighbours' ID embeddings, where the backbone reads
    features; a user who is new the direction of the mean of the items' final vectors that they
    took, as long as the others' embeddings. Where that cannot be, they keep their random ones.

    Args:
        model: As it was built.
        dataset: What it is trained on.
        engine: Message passing of item graphs.
        start: The earlier model.
    """
    model.restore(carried_over(model, start.weights, start.matching), None)
    backbone = model.backbone
    new = torch.from_numpy(np.flatnonzero(start.matching.items < 0))
    if len(new) and dataset.features and backbone.reads_features:
        device = next(model.parameters()).device
        ColdItems(backbone, dataset, engine, new.to(device), scale=unscaled).place()
    if "user_embeddings" in backbone.tables_of_users:
        _fold_in_users(backbone.user_embeddings.data, dataset, start)


def carried_over(
    model: Recommender, weights: Mapping[str, Tensor], matching: Matching
) -> dict[str, Tensor]:
    """The weights that ``model`` gets: earlier ones, row by row where rows are users or items.

    Rows that there were not are as the model has them.

    Args:
        model: The model as it was built.
        weights: What an earlier one's ``state_dict`` gave; ``misfits`` finds none.
        matching: Where its users and items are.
    """
    rows, found = _tables(model, matching.users, matching.items), {}
    for name, now in model.state_dict().items():
        positions = rows.get(name)
        found[name] = weights[name] if positions is None else _rows(now, weights[name], positions)
    return found


def misfits(model: Recommender, weights: Mapping[str, Tensor]) -> list[str]:
    """A phrase for each weight that one of two models lacks, or that has another shape."""
    now, by_row = dict(model.state_dict()), _tables(model, 1, 1)

    def shape(table: Tensor | None, name: str) -> str:
        if table is None:
            return "not there"
        return f"{[*table.shape]}" if name not in by_row else f"[..., {table.shape[1]}]"

    return [
        f"{name} was {shape(weights.get(name), name)}, now {shape(now.get(name), name)}"
        for name in sorted(now.keys() | weights.keys())
        if shape(weights.get(name), name) != shape(now.get(name), name)
    ]


def _tables(model: Recommender, of_users: T, of_items: T) -> dict[str, T]:
    """Full name of each weight whose rows are users or items, to what is given of these."""
    backbone = model.backbone
    return {
        **{f"backbone.{name}": of_users for name in backbone.tables_of_users},
        **{f"backbone.{name}": of_items for name in backbone.tables_of_items},
    }


def _rows(now: Tensor, before: Tensor, positions: np.ndarray) -> Tensor:
    known = torch.from_numpy(positions >= 0)
    table = now.detach().clone()
    table[known] = before[torch.from_numpy(positions[positions >= 0])].to(table)
    return table


def _fold_in_users(table: Tensor, dataset: Dataset, start: Start) -> None:
    """Put users who are new where their items are, in their rows of ``table [n_users, dim]``."""
    before, items = start.matching.users, start.matching.items
    new, known = np.flatnonzero(before < 0), torch.from_numpy(np.flatnonzero(before >= 0))
    if not len(new) or not len(known) or start.items.is_sparse:
        return
    if start.items.shape[1] != table.shape[1]:
        return
    length, vectors = table[known].norm(dim=1).mean(), start.items.cpu().numpy()
    taken = dataset.train_matrix
    for user in new:
        places = items[taken.indices[taken.indptr[user] : taken.indptr[user + 1]]]
        places = places[places >= 0]
        if len(places):
            vector = torch.from_numpy(fold_in(vectors[places])).to(table)
            table[user] = vector / vector.norm().clamp(min=1e-12) * length
