"""What differs between two runs: settings, data, versions, metrics, users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ccd.analysis.common_metrics import choose_metric, common_metrics
from ccd.analysis.tables import main_metrics
from ccd.errors import ConfigError
from ccd.files import finite
from ccd.finished.runs import FinishedRun, how_they_ran, left_out, open_runs
from ccd.runs.manifest import read_manifest
from ccd.runs.per_user import PerUser
from ccd.statistics.comparison import Comparison, Contrast
from ccd.suggestions import did_you_mean

_FIRST, _SECOND = "first", "second"


@dataclass(frozen=True)
class Change:
    """Something that is not the same in both; None where one lacks it."""

    key: str
    first: str | None
    second: str | None


@dataclass(frozen=True)
class MetricChange:
    """A test metric, mean over seeds and users; ``contrast`` is second less first."""

    metric: str
    first: float
    second: float
    contrast: Contrast | None


@dataclass(frozen=True)
class UserChange:
    """A user's metric in both, mean over the common seeds."""

    user: str
    first: float
    second: float


@dataclass(frozen=True)
class Differences:
    """What ``ccd diff`` shows.

    Attributes:
        first: Name of the first run.
        second: Name of the second run.
        settings: Those that differ and make the runs different, by key.
        how_it_ran: Those that differ and could not change what was learned, by key.
        data: What differs in the data set.
        versions: What differs in packages, machine and the like.
        metrics: All that both have.
        users: Those who changed most, in ``user_metric``.
        user_metric: Such as ``recall@20``; empty where the runs have no metric in common.
        notes: What the reader should know.
    """

    first: str
    second: str
    settings: tuple[Change, ...]
    how_it_ran: tuple[Change, ...]
    data: tuple[Change, ...]
    versions: tuple[Change, ...]
    metrics: tuple[MetricChange, ...]
    users: tuple[UserChange, ...] = ()
    user_metric: str = ""
    notes: tuple[str, ...] = field(default_factory=tuple)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        record: dict[str, Any] = finite(asdict(self))
        return record


def diff(
    first: Path,
    second: Path,
    *,
    comparison: Comparison,
    variant: str | None = None,
    metric: str | None = None,
    most: int = 10,
) -> Differences:
    """Compare one variant of two run folders, or two runs' own folders.

    Args:
        first: A run folder or a run's own folder.
        second: Another one.
        comparison: How metrics are compared.
        variant: Which, where a folder holds several.
        metric: By which users are sorted; by default one that selects the epoch.
        most: Number of users to list.

    Raises:
        ConfigError: A folder has no such run, or several and none was named; or not all have
            ``metric``.
    """
    a, b = (_one_variant(folder, variant) for folder in (first, second))
    same_data = a[0].fingerprint == b[0].fingerprint
    notes = [*left_out(first), *left_out(second)]
    runs = _paired(a, b)
    if not same_data:
        notes.append("the data differ, so users are not compared: they need not be the same ones")
        runs = {}
    elif not any(name == _SECOND and (_FIRST, seed) in runs for name, seed in runs):
        notes.append("no seed in common, so users are not compared")
    known = common_metrics([*a, *b], "test")
    if not known:
        notes.append("the runs have no test metric in common, so neither metrics nor users compare")
    user_metric = choose_metric([*a, *b], "test", metric) if known or metric else ""
    shown = main_metrics(known)
    contrasts = comparison.contrasts(
        runs, variants=[_SECOND], baseline=_FIRST, metrics=shown, intervals=True
    )
    by_metric = {contrast.metric: contrast for contrast in contrasts}
    return Differences(
        first=_name(first, a),
        second=_name(second, b),
        settings=_changes(a[0].settings, b[0].settings),
        how_it_ran=_changes(how_they_ran(a), how_they_ran(b)),
        data=_changes(_data(a[0]), _data(b[0])),
        versions=_changes(_versions(a[0]), _versions(b[0])),
        metrics=tuple(
            MetricChange(name, _mean(a, name), _mean(b, name), by_metric.get(name))
            for name in shown
        ),
        users=_users(runs, user_metric, most, a[0].user_ids) if contrasts else (),
        user_metric=user_metric,
        notes=tuple(notes),
    )


def _one_variant(folder: Path, variant: str | None) -> list[FinishedRun]:
    runs = open_runs(folder)
    names = list(dict.fromkeys(run.result.variant for run in runs))
    if variant is None and len(names) > 1:
        own = ", ".join(str(folder / run.folder.name) for run in runs[:3])
        raise ConfigError(
            f"this folder holds several variants: {', '.join(names)}",
            where=folder,
            keys=("--variant",),
            hint=f"choose one with --variant, or name a run's own folder: {own}",
        )
    wanted = names[0] if variant is None else variant
    if wanted not in names:
        raise ConfigError(
            f"this folder has no finished run of '{wanted}'",
            where=folder,
            keys=("--variant",),
            hint=did_you_mean(wanted, names, "variants"),
        )
    return [run for run in runs if run.result.variant == wanted]


def _paired(a: Sequence[FinishedRun], b: Sequence[FinishedRun]) -> dict[tuple[str, int], PerUser]:
    """Metrics per user by (which, seed); two single runs are a pair whatever their seeds."""
    single = len(a) == len(b) == 1
    return {
        (which, 0 if single else run.result.seed): run.per_user
        for which, runs in ((_FIRST, a), (_SECOND, b))
        for run in runs
    }


def _changes(first: Mapping[str, str], second: Mapping[str, str]) -> tuple[Change, ...]:
    return tuple(
        Change(key, first.get(key), second.get(key))
        for key in sorted(first.keys() | second.keys())
        if first.get(key) != second.get(key)
    )


def _data(run: FinishedRun) -> dict[str, str]:
    data = read_manifest(run.folder.parent).get("data", {})
    known = {key: str(data[key]) for key in ("n_users", "n_items") if key in data}
    return {"name": run.result.dataset, "fingerprint": run.fingerprint[:16], **known}


def _versions(run: FinishedRun) -> dict[str, str]:
    manifest = read_manifest(run.folder.parent)
    found = dict(manifest.get("versions", {}))
    found.update({f"machine {key}": x for key, x in manifest.get("machine", {}).items()})
    for key in ("ccd_commit", "device", "engine", "threads", "processes"):
        found[key] = manifest.get(key)
    # Of the run itself: the manifest tells of the process that wrote last.
    found["ccd"] = run.about.get("ccd_version")
    return {key: str(value) for key, value in found.items() if value is not None}


def _mean(runs: Sequence[FinishedRun], metric: str) -> float:
    return float(np.mean([run.result.test[metric] for run in runs]))


def _users(
    runs: Mapping[tuple[str, int], PerUser], metric: str, most: int, ids: Sequence[str]
) -> tuple[UserChange, ...]:
    """Users with the largest change either way, the ups first."""
    seeds = sorted({seed for _, seed in runs if all((w, seed) in runs for w in (_FIRST, _SECOND))})
    means = {}
    for which in (_FIRST, _SECOND):
        total: dict[int, float] = {}
        for seed in seeds:
            of = runs[(which, seed)]
            for user, value in zip(of.users.tolist(), of.metrics[metric].tolist(), strict=True):
                total[user] = total.get(user, 0.0) + value / len(seeds)
        means[which] = total
    users = [user for user in means[_FIRST] if user in means[_SECOND]]
    change = {user: means[_SECOND][user] - means[_FIRST][user] for user in users}
    changed = sorted((u for u in users if change[u]), key=lambda u: (-abs(change[u]), u))[:most]
    return tuple(
        UserChange(ids[user] if ids else str(user), means[_FIRST][user], means[_SECOND][user])
        for user in sorted(changed, key=lambda u: -change[u])
    )


def _name(folder: Path, runs: Sequence[FinishedRun]) -> str:
    seeds = ", ".join(str(run.result.seed) for run in runs)
    return f"{folder}: {runs[0].result.variant}, seed{'s'[: len(runs) > 1]} {seeds}"
