"""Where a denoised item representation enters the backbone's forward pass.

A fusion maps ``(item_embeddings, higher_order, items, denoised, weight)`` to ``(ego, side)``: what
propagates as the items' layer 0 and what is added to the result. Without DMA that is
``(item_embeddings, higher_order)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from torch import Tensor

from ccd.registry import component
from ccd.settings import Slot

Fusion = Annotated[
    Callable[[Tensor, Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]], Slot("fusion")
]


@component("fusion")
def final_fusion(
    item_embeddings: Tensor, higher_order: Tensor, items: Tensor, denoised: Tensor, weight: float
) -> tuple[Tensor, Tensor]:
    """Mix into the higher-order representation that is added at the end (the paper's formula).

    Args:
        item_embeddings: ID embeddings ``[n_items, dim]``.
        higher_order: Item-graph output ``[n_items, dim]``.
        items: Distinct ids of the fused items ``[m]``.
        denoised: Their denoised representations ``[m, dim]``.
        weight: Share of ``denoised`` in the mix, the paper's mu.
    """
    return item_embeddings, mix_rows(higher_order, items, denoised, weight)


@component("fusion")
def ego_fusion(
    item_embeddings: Tensor, higher_order: Tensor, items: Tensor, denoised: Tensor, weight: float
) -> tuple[Tensor, Tensor]:
    """Mix into the higher-order representation and propagate that (the released code).

    Users see it through the graph; the unfused higher-order representation is added at the end.
    The arguments are those of :func:`final_fusion`.
    """
    return mix_rows(higher_order, items, denoised, weight), higher_order


@component("fusion")
def ego_id_fusion(
    item_embeddings: Tensor, higher_order: Tensor, items: Tensor, denoised: Tensor, weight: float
) -> tuple[Tensor, Tensor]:
    """Mix into the ID embeddings and propagate that (MCDRec's FREEDOM variant).

    The arguments are those of :func:`final_fusion`.
    """
    return mix_rows(item_embeddings, items, denoised, weight), higher_order


def mix_rows(table: Tensor, items: Tensor, denoised: Tensor, weight: float) -> Tensor:
    """``table [n_items, dim]`` with rows ``items`` at ``(1 - weight) row + weight denoised``."""
    return table.index_add(0, items, weight * (denoised - table.index_select(0, items)))
