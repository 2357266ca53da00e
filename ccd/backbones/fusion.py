"""What DMA hands a backbone: estimates of some items, and where they enter the forward pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from ccd.errors import ConfigError

Site = Literal["final", "ego", "ego_id"]
"""Where estimates enter. A backbone propagates ID embeddings as the items' layer 0 and adds its
higher-order representation to the result.

- ``final``: they are mixed into the higher-order representation that is added;
- ``ego``: they are mixed into the higher-order representation, and that propagates;
- ``ego_id``: they are mixed into the ID embeddings, and those propagate.
"""


@dataclass(frozen=True, eq=False)
class Fusion:
    """Estimates of some items, with the site at which a backbone mixes them in.

    Attributes:
        site: Where they enter.
        items: Distinct ascending ids ``[m]``.
        denoised: What DMA made of these items ``[m, dim]``.
        weight: Share of ``denoised`` in the mix, the paper's mu.
    """

    site: Site
    items: Tensor
    denoised: Tensor
    weight: float

    def __post_init__(self) -> None:
        """Refuse a site that no backbone knows: it would be taken for another one.

        Raises:
            ConfigError: There is no such site.
        """
        if self.site not in get_args(Site):
            sites = ", ".join(map(repr, get_args(Site)))
            raise ConfigError(
                f"a fusion's site must be one of {sites}",
                keys=("DiffusionAligner.fusion",),
                found=repr(self.site),
            )

    def mixed(self, table: Tensor, owners: Tensor | None = None) -> Tensor:
        """``table [n, dim]``, estimated items at ``(1 - weight) row + weight denoised``.

        Args:
            table: Representations of the items ``owners``.
            owners: Distinct ascending ids ``[n]``; all items where None.
        """
        rows, denoised = self.items, self.denoised
        if owners is not None:
            rows = torch.searchsorted(owners, rows).clamp(max=len(owners) - 1)
            hit = owners[rows] == self.items
            if not bool(hit.all()):
                rows, denoised = rows[hit], denoised[hit]
        return table.index_add(0, rows, self.weight * (denoised - table.index_select(0, rows)))

    def kept(self, table: Tensor) -> Tensor:
        """What ``mixed`` keeps of the ``table [n_items, dim]`` of all items."""
        return table.index_add(0, self.items, -self.weight * table.index_select(0, self.items))

    def added(self, like: Tensor) -> Tensor:
        """What ``mixed`` adds to ``kept`` of a table of all items ``[n_items, dim]``."""
        return torch.zeros_like(like).index_add(0, self.items, self.weight * self.denoised)
