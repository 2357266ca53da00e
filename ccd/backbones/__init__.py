"""Backbones: recommenders that DMA, NDI and CNS attach to."""

from ccd.backbones import (
    bm3,
    bpr_mf,
    dragon,
    dualgnn,
    freedom,
    lattice,
    lightgcn,
    mcdrec_bm3,
    mgcn,
    mmgcn,
    pgl,
    projector,
    score_file,
    slmrec,
    untrained,
    vbpr,
)

__all__ = [
    "bm3",
    "bpr_mf",
    "dragon",
    "dualgnn",
    "freedom",
    "lattice",
    "lightgcn",
    "mcdrec_bm3",
    "mgcn",
    "mmgcn",
    "pgl",
    "projector",
    "score_file",
    "slmrec",
    "untrained",
    "vbpr",
]
