"""Training: the assembled model, the loop, optimisers, stopping, random streams."""

from ccd.training import checkpoint, early_stopping, optimizers, trainer

__all__ = ["checkpoint", "early_stopping", "optimizers", "trainer"]
