"""Which items each user has interacted with, without a users x items matrix."""

from __future__ import annotations

import torch
from torch import Tensor


class SeenItems:
    """Training positives as sorted keys and CSR rows.

    Args:
        users: int64 user ids ``[n]``.
        items: int64 item ids ``[n]``, pairs distinct.
        n_users: Number of users.
        n_items: Number of items.
    """

    def __init__(self, users: Tensor, items: Tensor, n_users: int, n_items: int) -> None:
        self.n_items = n_items
        self._keys = torch.sort(users * n_items + items).values
        self._items = self._keys % n_items
        self.counts = torch.bincount(users, minlength=n_users)
        self._starts = torch.cat([self.counts.new_zeros(1), self.counts.cumsum(0)])

    def contains(self, users: Tensor, items: Tensor) -> Tensor:
        """Whether each pair ``(users[j], items[j])`` is a training positive; bool ``[n]``."""
        keys = users * self.n_items + items
        found = torch.searchsorted(self._keys, keys).clamp(max=len(self._keys) - 1)
        return self._keys[found] == keys

    def of(self, users: Tensor) -> tuple[Tensor, Tensor]:
        """All positives of ``users [n]`` as (row in ``users``, item), both ``[sum of counts]``."""
        counts = self.counts[users]
        rows = torch.arange(len(users), device=users.device).repeat_interleave(counts)
        first = counts.cumsum(0) - counts
        within = torch.arange(len(rows), device=users.device) - first[rows]
        return rows, self._items[self._starts[users][rows] + within]
