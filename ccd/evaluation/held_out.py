"""The relevant items of a held-out split, and the users that they are ranked for."""

from __future__ import annotations

from copy import copy

import torch
from torch import Tensor

from ccd.datasets.dataset import Interactions
from ccd.graphs.items_by_user import ItemsByUser

SAMPLE_CELLS = 2_000_000_000
"""So many scores a validation ranks, about a minute of one core; beyond, it takes fewer users."""
FEWEST_USERS = 10_000
"""But never fewer than these: their recall@20 has a standard error of about 0.003."""
_SEED = 20261128


class HeldOut:
    """The relevant items of one held-out split.

    Args:
        interactions: Held-out pairs.
        n_users: Number of users.
        n_items: Number of items.
        device: Where the look-up lives.

    Attributes:
        relevant: The items of each user.
        users: Ids of the users with any, ascending ``[n]``.
    """

    def __init__(
        self, interactions: Interactions, n_users: int, n_items: int, device: torch.device
    ) -> None:
        users = torch.from_numpy(interactions.users).to(device)
        items = torch.from_numpy(interactions.items).to(device)
        self.relevant = ItemsByUser(users, items, n_users, n_items)
        self.users: Tensor = torch.unique(users)

    def sample(self, n: int) -> HeldOut:
        """The same for ``n`` of its users, always the same ones; itself where it has no more."""
        if n >= len(self.users):
            return self
        drawn = torch.randperm(len(self.users), generator=torch.Generator().manual_seed(_SEED))
        found = copy(self)
        found.users = self.users[drawn[:n].sort().values.to(self.users.device)]
        return found


def enough_users(n_items: int) -> int:
    """How many users a validation ranks ``n_items`` for, unless told."""
    return max(FEWEST_USERS, SAMPLE_CELLS // n_items)
