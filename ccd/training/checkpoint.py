"""How often the state of a run is kept while it trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from ccd.registry import component
from ccd.settings import Flag, NonNegativeFloat, Slot


@component("checkpoint")
class Checkpoint:
    """Keeps the whole state of a run between two epochs, from which the same command goes on.

    Args:
        every_seconds: Least seconds between two checkpoints; 0 keeps one after each epoch.
        keep: Leave the last one in the run's folder when the run has ended.
    """

    def __init__(self, *, every_seconds: NonNegativeFloat = 60.0, keep: Flag = False) -> None:
        self.every_seconds, self.keep = every_seconds, keep


CheckpointFactory = Annotated[Callable[[], Checkpoint], Slot("checkpoint")]
