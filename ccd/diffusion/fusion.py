"""Where a denoised item representation enters the backbone's forward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from torch import Tensor

from ccd.backbones.fusion import Fusion
from ccd.registry import component
from ccd.settings import Slot


@component("fusion")
def final_fusion(items: Tensor, denoised: Tensor, weight: float) -> Fusion:
    """Mix into the higher-order representation that is added at the end (the paper's formula).

    Args:
        items: Distinct ascending ids ``[m]``.
        denoised: What DMA made of these items ``[m, dim]``.
        weight: Share of ``denoised`` in the mix.
    """
    return Fusion("final", items, denoised, weight)


@component("fusion")
def ego_fusion(items: Tensor, denoised: Tensor, weight: float) -> Fusion:
    """Mix into the higher-order representation and propagate that (the released code).

    Users see it through the graph; the unfused higher-order representation is added at the end.

    Args:
        items: Distinct ascending ids ``[m]``.
        denoised: What DMA made of these items ``[m, dim]``.
        weight: Share of ``denoised`` in the mix.
    """
    return Fusion("ego", items, denoised, weight)


@component("fusion")
def ego_id_fusion(items: Tensor, denoised: Tensor, weight: float) -> Fusion:
    """Mix into the ID embeddings and propagate that (MCDRec's FREEDOM variant).

    Args:
        items: Distinct ascending ids ``[m]``.
        denoised: What DMA made of these items ``[m, dim]``.
        weight: Share of ``denoised`` in the mix.
    """
    return Fusion("ego_id", items, denoised, weight)


FusionFactory = Annotated[Callable[[Tensor, Tensor, float], Fusion], Slot("fusion")]
