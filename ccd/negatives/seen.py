"""Which items each user has interacted with, without a users x items matrix."""

from __future__ import annotations

import torch
from torch import Tensor

from ccd.graphs.lists import AdjacencyLists


class SeenItems(AdjacencyLists):
    """Training positives by user, in ascending order, with a membership test.

    Args:
        users: int64 user ids ``[n]``.
        items: int64 item ids ``[n]``, pairs distinct.
        n_users: Number of users.
        n_items: Number of items.
    """

    def __init__(self, users: Tensor, items: Tensor, n_users: int, n_items: int) -> None:
        self.n_items = n_items
        self._keys = torch.sort(users * n_items + items).values
        super().__init__(self._keys // n_items, self._keys % n_items, n_users)

    def contains(self, users: Tensor, items: Tensor) -> Tensor:
        """Whether each pair ``(users[j], items[j])`` is a training positive; bool ``[n]``."""
        keys = users * self.n_items + items
        found = torch.searchsorted(self._keys, keys).clamp(max=len(self._keys) - 1)
        return self._keys[found] == keys
