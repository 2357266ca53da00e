"""Losses: BPR and the mix of Eq. 9."""

from ccd.losses import mix

__all__ = ["mix"]
