"""Training: the assembled model, the loop, optimisers, stopping, random streams."""

from ccd.training import early_stopping, optimizers, trainer

__all__ = ["early_stopping", "optimizers", "trainer"]
