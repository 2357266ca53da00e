"""Slices of users and of held-out items, and the metrics of a run in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ccd.datasets.dataset import Dataset, Interactions
from ccd.datasets.describe import COLD_USER
from ccd.evaluation.held_out import HeldOut
from ccd.finished.runs import FinishedRun
from ccd.graphs.items_by_user import ItemsByUser
from ccd.runs.per_user import PerUser

POPULAR = 0.2
"""Share of the catalogue that counts as popular."""


@dataclass(frozen=True)
class Slice:
    """Users, or held-out items, that are looked at alone; the other of the two is None.

    Attributes:
        name: For people.
        users: Whether each user belongs to it ``[n_users]``.
        items: Whether each item belongs to it ``[n_items]``.
    """

    name: str
    users: np.ndarray | None = None
    items: np.ndarray | None = None


def slices_of(dataset: Dataset) -> list[Slice]:
    """Cold and warm users, popular and tail, cold and warm items, items by number of modalities."""
    per_user = dataset.train_per_user
    per_item = dataset.train_per_item
    order = np.argsort(-per_item, kind="stable")
    popular = np.zeros(dataset.n_items, dtype=bool)
    popular[order[: round(POPULAR * dataset.n_items)]] = True
    found = [
        Slice("cold users", users=per_user < COLD_USER),
        Slice("warm users", users=per_user >= COLD_USER),
        Slice("popular items", items=popular),
        Slice("tail items", items=~popular),
    ]
    if not per_item.all():
        found += [
            Slice("cold items", items=per_item == 0),
            Slice("warm items", items=per_item > 0),
        ]
    present = sum(
        (np.asarray(rows, dtype=np.float32) != 0).any(axis=1).astype(int)
        for rows in dataset.features.values()
    )
    numbers = np.unique(present)
    if len(numbers) > 1:
        found += [Slice(_modalities(n), items=present == n) for n in numbers]
    return found


class RankedLists:
    """The lists of a finished run, made again from its saved representations.

    Args:
        run: A finished run.
        dataset: Its data set.
    """

    def __init__(self, run: FinishedRun, dataset: Dataset) -> None:
        train = torch.from_numpy(dataset.train.users), torch.from_numpy(dataset.train.items)
        seen = ItemsByUser(*train, dataset.n_users, dataset.n_items)
        self._evaluator, self._dataset, self._run = run.evaluator, dataset, run
        self.users = torch.from_numpy(np.unique(dataset.test.users))
        blocks = self._evaluator.lists(run.representations, self.users, seen)
        self.items = torch.cat([items for _, items in blocks])

    def within(self, wanted: Slice) -> PerUser | None:
        """Test metrics per user within a slice; None where no held-out pair is in it.

        Users are picked from what the run measured. Of items, only the slice's are relevant.
        """
        if wanted.users is not None:
            return _rows(self._run.per_user, wanted.users)
        assert wanted.items is not None
        test, data = self._dataset.test, self._dataset
        keep = wanted.items[test.items]
        if not keep.any():
            return None
        pairs = Interactions(test.users[keep], test.items[keep])
        held_out = HeldOut(pairs, data.n_users, data.n_items, torch.device("cpu"))
        rows = torch.searchsorted(self.users, held_out.users)
        measured = self._evaluator.measure(self.items[rows], held_out)
        values = {name: x.numpy() for name, x in measured.per_user.items()}
        return PerUser(measured.users.numpy(), values)


def _rows(per_user: PerUser, members: np.ndarray) -> PerUser | None:
    rows = members[per_user.users]
    if not rows.any():
        return None
    metrics = {name: values[rows] for name, values in per_user.metrics.items()}
    return PerUser(per_user.users[rows], metrics)


def _modalities(number: int) -> str:
    return f"items with {number or 'no'} {'modality' if number == 1 else 'modalities'}"
