"""The figure of settings: from a study's trials, or from runs that differ in their settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ccd.analysis.common_metrics import choose_metric
from ccd.errors import ConfigError
from ccd.figures.sensitivity import Trial, draw_sensitivity
from ccd.finished.runs import open_runs
from ccd.runs.folder import RESULTS_FILE
from ccd.runs.own_folder import RUN_FILE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ccd.figures.plots import Request
    from ccd.search.study import Study


def sensitivity(request: Request) -> Figure:
    """A metric against the settings that runs of a folder, or trials of a study, differ in."""
    from ccd.search.folders import STUDY_FILE
    from ccd.search.studies import find_study

    if request.study is not None or (request.folder / STUDY_FILE).exists():
        if request.metric is not None:
            raise ConfigError(
                "a study has values of one metric, which it searched by",
                keys=("--metric",),
                hint="leave out --metric",
            )
        return _study(request.study or find_study(str(request.folder), None).study)
    folders = [request.folder]
    if not any((request.folder / name).exists() for name in (RESULTS_FILE, RUN_FILE)):
        folders = sorted(path.parent for path in request.folder.glob(f"*/{RESULTS_FILE}"))
    if not folders:
        raise ConfigError(
            "this folder holds no finished run",
            where=request.folder,
            hint="name a run folder, or a folder of them",
        )
    runs = [run for folder in folders for run in open_runs(folder, request.imports)]
    metric = choose_metric(runs, "valid", request.metric)
    trials = [Trial(run.settings, run.result.valid[metric]) for run in runs]
    return draw_sensitivity(trials, f"validation {metric}")


def _study(found: Study) -> Figure:
    """A study's complete trials, by what they were told to set."""
    import optuna
    from optuna.distributions import FloatDistribution, IntDistribution
    from optuna.trial import TrialState

    from ccd.search.study import METRIC

    study = optuna.load_study(study_name=found.name, storage=found.storage)
    complete = [trial for trial in study.trials if trial.state is TrialState.COMPLETE]
    if not complete:
        raise ConfigError(
            f"no trial of study '{found.name}' is complete{found.yet}, so there is nothing to draw",
            hint=f"'ccd search status {found.name}' says how it stands",
        )
    trials = [
        Trial({key: str(value) for key, value in trial.params.items()}, trial.values[0])
        for trial in complete
    ]
    scales = {
        key: "log" if domain.log else "linear"
        for trial in complete
        for key, domain in trial.distributions.items()
        if isinstance(domain, FloatDistribution | IntDistribution)
    }
    metric = study.user_attrs.get(METRIC, "metric")
    return draw_sensitivity(trials, f"validation {metric}", scales)
