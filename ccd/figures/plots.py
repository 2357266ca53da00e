"""From a run folder to a figure: what each kind of ``ccd plot`` reads and draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ccd.analysis.common_metrics import choose_metric
from ccd.analysis.comparing import compare
from ccd.errors import ConfigError
from ccd.figures.ablation import draw_ablation
from ccd.figures.cost import draw_cost
from ccd.figures.curves import draw_curves
from ccd.figures.negatives import Scene, draw_negatives
from ccd.figures.pools import draw_pools
from ccd.figures.sensitivity import Trial, draw_sensitivity
from ccd.figures.tsne import State, draw_tsne
from ccd.finished.runs import FinishedRun, choose_run, open_runs
from ccd.runs.folder import RESULTS_FILE, RUN_FILE
from ccd.statistics.comparison import Comparison
from ccd.statistics.paired_tests import wilcoxon

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ccd.datasets.dataset import Dataset
    from ccd.search.study import Study
    from ccd.training.recommender import Recommender


@dataclass(frozen=True)
class Request:
    """What is to be drawn.

    Attributes:
        folder: A run folder; for ``sensitivity`` also a study or a folder of run folders.
        variant: For figures of one run: which, by default the last; for curves by default all.
        seed: For figures of one run: which, by default the first; for curves by default all.
        metric: For curves and sensitivity of runs; by default one that selects the epoch.
        users: For ``tsne`` and ``negatives``: how many users are drawn.
        data_folders: Where data sets lie.
        imports: Python modules that the runs' settings may import.
        study: For ``sensitivity``: an opened study, instead of what ``folder`` holds.
    """

    folder: Path
    variant: str | None = None
    seed: int | None = None
    metric: str | None = None
    users: int | None = None
    data_folders: Sequence[Path] = ()
    imports: Sequence[str] = ()
    study: Study | None = None

    @property
    def run(self) -> FinishedRun:
        """The one run of a figure that shows one."""
        return choose_run(self.folder, self.variant, self.seed, self.imports)


def plot(kind: str, request: Request) -> Figure:
    """Draw a figure of a finished run.

    Args:
        kind: One of ``KINDS``.
        request: Of what.

    Raises:
        ConfigError: The folder does not hold what the figure shows, or the figure has no use for
            what was asked.
    """
    for name in OPTIONS:
        if getattr(request, name) is not None and name not in KINDS[kind].uses:
            others = [other for other, found in KINDS.items() if name in found.uses]
            raise ConfigError(
                f"the figure '{kind}' has no use for --{name}",
                keys=(f"--{name}",),
                hint=f"leave it out, or draw one that has: {', '.join(others)}",
            )
    return KINDS[kind].draw(request)


def _ablation(request: Request) -> Figure:
    comparison = Comparison(test=wilcoxon, resamples=1)
    found = compare([request.folder], comparison=comparison, imports=request.imports)
    return draw_ablation(found.table)


def _curves(request: Request) -> Figure:
    runs = open_runs(request.folder, request.imports)
    if request.variant is not None:  # refused where there is none such
        runs = [run for run in runs if run.result.variant == request.run.result.variant]
    if request.seed is not None:
        seeds = list(dict.fromkeys(run.result.seed for run in runs))
        runs = [run for run in runs if run.result.seed == request.seed]
        if not runs:
            raise ConfigError(
                f"this folder has no finished run with seed {request.seed}",
                where=request.folder,
                keys=("--seed",),
                hint=f"it has seeds {', '.join(map(str, seeds))}",
            )
    history = [record for run in runs for record in run.history]
    return draw_curves(history, choose_metric(runs, "valid", request.metric))


def _pools(request: Request) -> Figure:
    run = request.run
    return draw_pools(run.history, f"{run.result.variant}, seed {run.result.seed}")


def _cost(request: Request) -> Figure:
    return draw_cost([run.result for run in open_runs(request.folder, request.imports)])


def _sensitivity(request: Request) -> Figure:
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
    """Of a study: its complete trials, by what they were told to set."""
    import optuna
    from optuna.distributions import FloatDistribution, IntDistribution
    from optuna.trial import TrialState

    from ccd.search.study import METRIC

    study = optuna.load_study(study_name=found.name, storage=found.storage)
    complete = [trial for trial in study.trials if trial.state is TrialState.COMPLETE]
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


def _tsne(request: Request) -> Figure:
    from ccd.finished.inspection import name_of

    run = request.run
    dataset = run.dataset(request.data_folders)
    rng = np.random.default_rng(run.result.seed)
    # Users with a handful of items: one with a hundred would fill the plane.
    degrees = np.bincount(dataset.train.users, minlength=dataset.n_users)
    eligible = np.flatnonzero((degrees >= 4) & (degrees <= 20))
    eligible = eligible if len(eligible) else np.flatnonzero(degrees)
    users = np.sort(rng.choice(eligible, min(request.users or 5, len(eligible)), replace=False))
    pairs = np.isin(dataset.train.users, users)
    owners = np.searchsorted(users, dataset.train.users[pairs])
    items = dataset.train.items[pairs]
    others = np.setdiff1d(np.arange(dataset.n_items), items)
    background = rng.choice(others, min(800, len(others)), replace=False)
    start, end = run.untrained(dataset), run.rebuild(dataset)
    start.reverse(0)
    shown = {"before training": start, f"best epoch ({run.result.best_epoch})": end}
    states = {
        title: _state(model, dataset, users, items, background) for title, model in shown.items()
    }
    names = [name_of(int(user), dataset.user_ids) for user in users]
    title = (
        f"{run.result.dataset}, {run.result.variant}, seed {run.result.seed}: users and the items "
        "they interacted with; grey: other items, fused"
    )
    return draw_tsne(states, owners, names, title)


def _state(
    model: Recommender,
    dataset: Dataset,
    users: np.ndarray,
    items: np.ndarray,
    background: np.ndarray,
) -> State:
    import torch

    final, rows = model.infer(), torch.from_numpy(items)
    with torch.no_grad():
        kinds = {
            name: model.backbone.projector.project(name, rows).numpy() for name in dataset.features
        }
    if model.backbone.has_item_embeddings:
        kinds["ID"] = model.backbone.item_embeddings.detach()[rows].numpy()
    if model.sample is not None:
        kinds["aligned"] = model.sample[rows].numpy()
    kinds["fused"] = final.items[rows].numpy()
    # A backbone that joins spaces end to end has wider users; only what is as wide can be shown.
    kinds = {name: x for name, x in kinds.items() if x.shape[1] == final.users.shape[1]}
    return State(final.users.numpy()[users], kinds, final.items.numpy()[background])


def _negatives(request: Request) -> Figure:
    import torch

    from ccd.finished.inspection import Inspection, name_of

    run = request.run
    dataset = run.dataset(request.data_folders)
    model = Inspection(run, dataset)
    every = model.sources()
    sources = {source: epoch for source, epoch in every.items() if source.kind != "random"} or every
    rng = np.random.default_rng(run.result.seed)
    final = model.final.items.numpy()
    rows = rng.choice(len(dataset.train), request.users or 2, replace=False)
    background = rng.choice(dataset.n_items, min(400, dataset.n_items), replace=False)
    scenes = []
    for row in rows:
        user, item = int(dataset.train.users[row]), int(dataset.train.items[row])
        pairs = torch.full((24,), user), torch.full((24,), item)
        drawn = {source: model.draw(*pairs, epoch) for source, epoch in sources.items()}
        if any(triplets is None for triplets in drawn.values()):
            model.measure(0)  # refuses, and says why
        shown = {k: final[np.unique(t.hards.numpy())] for k, t in drawn.items() if t is not None}
        names = name_of(user, dataset.user_ids), name_of(item, dataset.item_ids)
        users = model.final.users.numpy()
        scenes.append(Scene(users[user], final[item], shown, final[background], names))
    title = (
        f"{run.result.dataset}, {run.result.variant}, seed {run.result.seed}: negatives of each "
        f"pool, drawn from the model of epoch {run.result.best_epoch}, final representations"
    )
    return draw_negatives(scenes, title)


OPTIONS = ("variant", "seed", "metric", "users")
"""What of a request some kinds of figure have no use for."""


@dataclass(frozen=True)
class Kind:
    """A kind of figure.

    Attributes:
        draw: From what is asked to the figure.
        uses: Those of ``OPTIONS`` that it looks at.
    """

    draw: Callable[[Request], Figure]
    uses: tuple[str, ...] = ()


KINDS = {
    "ablation": Kind(_ablation),
    "curves": Kind(_curves, ("variant", "seed", "metric")),
    "pools": Kind(_pools, ("variant", "seed")),
    "tsne": Kind(_tsne, ("variant", "seed", "users")),
    "negatives": Kind(_negatives, ("variant", "seed", "users")),
    "sensitivity": Kind(_sensitivity, ("metric",)),
    "cost": Kind(_cost),
}
"""Every kind of figure."""
