"""Adjacency lists: the members of each owner, looked up for many owners at once."""

from __future__ import annotations

import torch
from torch import Tensor


class AdjacencyLists:
    """Members by owner in compressed rows (CSR).

    Args:
        owners: int64 ids ``[n]``.
        members: int64 ids ``[n]``.
        n_owners: Number of owners.
    """

    def __init__(self, owners: Tensor, members: Tensor, n_owners: int) -> None:
        self.members = members[torch.argsort(owners, stable=True)]
        self.counts = torch.bincount(owners, minlength=n_owners)
        self._starts = self.counts.cumsum(0) - self.counts

    def of(self, owners: Tensor) -> tuple[Tensor, Tensor]:
        """All members of ``owners [n]`` as (row in ``owners``, member)."""
        counts = self.counts[owners]
        rows = torch.arange(len(owners), device=owners.device).repeat_interleave(counts)
        shift = self._starts[owners] - counts.cumsum(0) + counts
        positions = torch.arange(len(rows), device=owners.device) + shift[rows]
        return rows, self.members[positions]
