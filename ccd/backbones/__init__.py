"""Backbones: recommenders that DMA, NDI and CNS attach to."""

from ccd.backbones import bpr_mf, freedom, lightgcn, projector

__all__ = ["bpr_mf", "freedom", "lightgcn", "projector"]
