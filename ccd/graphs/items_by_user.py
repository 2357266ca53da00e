"""Which items each user has interacted with, without a users x items matrix."""

from __future__ import annotations

import torch
from torch import Tensor

from ccd.graphs.lists import AdjacencyLists

_BLOCK_PAIRS = 2**22
"""Pairs looked up at once: 32 MB of keys."""


class ItemsByUser(AdjacencyLists):
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
        # Nearly all pairs that are asked for are no positives. A table of the keys' low bits, at
        # most a sixteenth of it set, tells in one look-up for most, where a search takes many.
        self._low_bits = (1 << (16 * len(users)).bit_length()) - 1
        self._possible = torch.zeros(self._low_bits + 1, dtype=torch.bool, device=users.device)
        self._possible[self._keys & self._low_bits] = True
        super().__init__(self._keys // n_items, self._keys % n_items, n_users)

    def contains(self, users: Tensor, items: Tensor) -> Tensor:
        """Whether each pair ``(users[j], items[j])`` is a training positive; bool ``[n]``."""
        pairs = zip(users.split(_BLOCK_PAIRS), items.split(_BLOCK_PAIRS), strict=True)
        found = [self._contains(*block) for block in pairs]
        return found[0] if len(found) == 1 else torch.cat(found)

    def _contains(self, users: Tensor, items: Tensor) -> Tensor:
        keys = users * self.n_items + items
        result = self._possible.index_select(0, keys & self._low_bits)
        doubtful = result.nonzero()[:, 0]
        keys = keys.index_select(0, doubtful)
        found = torch.searchsorted(self._keys, keys).clamp(max=len(self._keys) - 1)
        result[doubtful] = self._keys[found] == keys
        return result
