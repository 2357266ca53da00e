"""Runs in MLflow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ccd.extras import import_extra
from ccd.registry import component
from ccd.settings import Text
from ccd.tracking.base import End, RunTracker, plain

_STATUS = {"finished": "FINISHED", "diverged": "FAILED", "stopped": "KILLED"}
_PARAMETERS = 100
"""So many MLflow takes at once."""


@component("tracker")
class MLflow(RunTracker):
    """Runs with parameters and metrics in MLflow; ``recall@20`` is ``recall_at_20`` there.

    Args:
        settings: The variant's settings.
        uri: The tracking server, such as ``http://localhost:5000``; None for a file ``mlflow.db``
            in the run folder, shown by ``mlflow ui --backend-store-uri sqlite:///RUN/mlflow.db``.
        experiment: The experiment that gets the runs; None for one named like the recipe.
    """

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        uri: Text | None = None,
        experiment: Text | None = None,
    ) -> None:
        super().__init__(settings)
        self._uri, self._experiment = uri, experiment
        needed = "mlflow.tracking", "mlflow.entities"
        self._tracking, self._entities = (
            import_extra(name, "mlflow", "MLflow", "Experiment.trackers") for name in needed
        )
        self._client: Any = None
        self._run = ""

    def open_run(self, variant: str, seed: int) -> None:
        """Begin a run, with the settings as parameters."""
        uri = self._uri or f"sqlite:///{(self.plan.out / 'mlflow.db').resolve()}"
        name = self._experiment or self.plan.recipe
        self._client = self._tracking.MlflowClient(tracking_uri=uri)
        place = self._place(name)
        tags = {"variant": variant, "seed": str(seed), "dataset": self.plan.dataset}
        made = self._client.create_run(place, run_name=f"{variant}, seed {seed}", tags=tags)
        self._run = made.info.run_id
        parameters = [self._entities.Param(key, value) for key, value in self.settings.items()]
        for start in range(0, len(parameters), _PARAMETERS):
            self._client.log_batch(self._run, params=parameters[start : start + _PARAMETERS])

    def _place(self, name: str) -> str:
        """The id of an experiment, which is made where there is none of this name."""
        known = self._client.get_experiment_by_name(name)
        if known is None:
            try:
                return str(self._client.create_experiment(name))
            except Exception:
                known = self._client.get_experiment_by_name(name)
                if known is None:  # so no worker that began at the same time made it
                    raise
        return str(known.experiment_id)

    def log(self, measures: Mapping[str, float], epoch: int) -> None:
        """Write the numbers as metrics, the epoch as their step."""
        now = int(time.time() * 1000)
        metrics = [
            self._entities.Metric(plain(name), value, now, epoch)
            for name, value in measures.items()
        ]
        self._client.log_batch(self._run, metrics=metrics)

    def close_run(self, end: End) -> None:
        """Set the run's status."""
        self._client.set_terminated(self._run, _STATUS[end])
