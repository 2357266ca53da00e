"""Losses: BPR, the softmax over many negatives, and the mix of Eq. 9."""

from ccd.losses import mix, shared

__all__ = ["mix", "shared"]
