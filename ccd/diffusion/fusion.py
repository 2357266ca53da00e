"""Where a denoised item representation enters the backbone's forward pass.

A fusion maps ``(item_embeddings, higher_order, wanted, estimate)`` to ``(ego, side)``: what
propagates as the items' layer 0 and what is added to the ``wanted`` rows of the result. Without DMA
that is ``(item_embeddings, higher_order(wanted))``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from ccd.backbones.base import HigherOrder
from ccd.registry import component
from ccd.settings import Slot


class Estimate(NamedTuple):
    """What DMA made of distinct ascending ``items [m]``: ``denoised [m, dim]``, and their share."""

    items: Tensor
    denoised: Tensor
    weight: float


Fusion = Annotated[
    Callable[[Tensor, HigherOrder, Tensor | None, Estimate], tuple[Tensor, Tensor]], Slot("fusion")
]


@component("fusion")
def final_fusion(
    item_embeddings: Tensor, higher_order: HigherOrder, wanted: Tensor | None, estimate: Estimate
) -> tuple[Tensor, Tensor]:
    """Mix into the higher-order representation that is added at the end (the paper's formula).

    Args:
        item_embeddings: ID embeddings ``[n_items, dim]``.
        higher_order: Gives the item-graph output of distinct items.
        wanted: Distinct ascending ids of the items whose result is wanted; all where None.
        estimate: What DMA made of some items.
    """
    return item_embeddings, mixed(higher_order(wanted), wanted, estimate)


@component("fusion")
def ego_fusion(
    item_embeddings: Tensor, higher_order: HigherOrder, wanted: Tensor | None, estimate: Estimate
) -> tuple[Tensor, Tensor]:
    """Mix into the higher-order representation and propagate that (the released code).

    Users see it through the graph; the unfused higher-order representation is added at the end.
    The arguments are those of :func:`final_fusion`.
    """
    every = higher_order(None)
    side = every if wanted is None else every.index_select(0, wanted)
    return mixed(every, None, estimate), side


@component("fusion")
def ego_id_fusion(
    item_embeddings: Tensor, higher_order: HigherOrder, wanted: Tensor | None, estimate: Estimate
) -> tuple[Tensor, Tensor]:
    """Mix into the ID embeddings and propagate that (MCDRec's FREEDOM variant).

    The arguments are those of :func:`final_fusion`.
    """
    return mixed(item_embeddings, None, estimate), higher_order(wanted)


def mixed(table: Tensor, owners: Tensor | None, estimate: Estimate) -> Tensor:
    """``table [n, dim]``, estimated items at ``(1 - weight) row + weight denoised``.

    Args:
        table: Representations of the items ``owners``.
        owners: Distinct ascending ids ``[n]``; all items where None.
        estimate: What DMA made of some items.
    """
    rows, denoised = estimate.items, estimate.denoised
    if owners is not None:
        rows = torch.searchsorted(owners, rows).clamp(max=len(owners) - 1)
        hit = owners[rows] == estimate.items
        if not bool(hit.all()):
            rows, denoised = rows[hit], denoised[hit]
    return table.index_add(0, rows, estimate.weight * (denoised - table.index_select(0, rows)))
