"""Runs in TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ccd.extras import import_extra
from ccd.registry import component
from ccd.runs.identity import slug
from ccd.tracking.base import End, RunTracker, plain

FOLDER = "tensorboard"


@component("tracker")
class TensorBoard(RunTracker):
    """Event files in the run folder: ``tensorboard --logdir RUN/tensorboard`` shows them.

    ``recall@20`` is ``recall_at_20`` there.

    Args:
        settings: The variant's settings.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        super().__init__(settings)
        name = "tensorboardX"
        self._package = import_extra(name, "tensorboard", "TensorBoard", "Experiment.trackers")
        self._writer: Any = None

    def open_run(self, variant: str, seed: int) -> None:
        """Begin an event file, with the settings as a text."""
        folder = self.plan.out / FOLDER / slug(variant, seed)
        self._writer = self._package.SummaryWriter(str(folder))
        lines = [f"    {key} = {value}" for key, value in self.settings.items()]
        self._writer.add_text("settings", "\n".join(lines))  # indented: code in Markdown

    def log(self, measures: Mapping[str, float], epoch: int) -> None:
        """Write each number as a scalar."""
        for name, value in measures.items():
            self._writer.add_scalar(plain(name), value, epoch)
        self._writer.flush()

    def close_run(self, end: End) -> None:
        """End the file."""
        self._writer.add_text("end", end)
        self._writer.close()
