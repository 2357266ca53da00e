"""DMA: the noise process, the estimators and the aligner that uses them."""

from ccd.diffusion import aligner, estimators, fusion, noise_schedules, process, unet

__all__ = ["aligner", "estimators", "fusion", "noise_schedules", "process", "unet"]
