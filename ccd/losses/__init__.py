"""Losses: BPR, softmax losses over many negatives, and the mix of Eq. 9."""

from ccd.losses import mix, shared, sl_at_k

__all__ = ["mix", "shared", "sl_at_k"]
