"""Runs in Weights & Biases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ccd.extras import import_extra
from ccd.registry import component
from ccd.settings import Text
from ccd.tracking.base import End, RunTracker


@component("tracker")
class WandB(RunTracker):
    """Runs in Weights & Biases, one group for each variant.

    Args:
        settings: The variant's settings.
        project: The project that gets the runs; None for one named like the recipe.
        mode: ``offline`` keeps the runs in the run folder, for ``wandb sync`` to send later.
    """

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        project: Text | None = None,
        mode: Literal["online", "offline"] = "online",
    ) -> None:
        super().__init__(settings)
        self._project, self._mode = project, mode
        self._package = import_extra("wandb", "wandb", "WandB", "Experiment.trackers")
        self._run: Any = None

    def open_run(self, variant: str, seed: int) -> None:
        """Begin a run, with the settings as its config."""
        self._run = self._package.init(
            project=self._project or self.plan.recipe,
            group=variant,
            name=f"{variant}, seed {seed}",
            config={**self.settings, "seed": seed, "dataset": self.plan.dataset},
            dir=str(self.plan.out),
            mode=self._mode,
            reinit="create_new",
            # The terminal is ccd's, and runs of one process follow one another.
            settings=self._package.Settings(silent=True, console="off"),
        )

    def log(self, measures: Mapping[str, float], epoch: int) -> None:
        """Write the numbers, the epoch among them."""
        self._run.log({**measures, "epoch": epoch})

    def close_run(self, end: End) -> None:
        """End the run."""
        self._run.summary["end"] = end
        self._run.finish(exit_code=0 if end == "finished" else 1)
