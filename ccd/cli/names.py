"""Names that do not exist are refused before what computes is imported, which takes seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ccd.errors import ConfigError

if TYPE_CHECKING:
    from ccd.config.language import Binding


def refuse_unknown_settings(texts: Sequence[str]) -> None:
    """Refuse texts of ``--set`` that name no setting of ccd's own components.

    Raises:
        ConfigError: There is such a text, or one that is no binding.
    """
    if texts:
        from ccd.config.language import read_bindings
        from ccd.config.origin import Origin

        layer = read_bindings([(text, Origin("--set", text=text)) for text in texts])
        refuse_unknown_keys(layer.bindings)


def refuse_unknown_keys(bindings: Iterable[Binding]) -> None:
    """Refuse bindings of settings that ccd's own components do not have.

    Args:
        bindings: Where no module of the user's own is still to be imported.

    Raises:
        ConfigError: There is such a binding.
    """
    from ccd.cli.declared import declared
    from ccd.registry import find
    from ccd.suggestions import closest, did_you_mean

    known = {one.name: one for one in declared()}
    for binding in bindings:
        name, setting = binding.component, binding.parameter
        if find(name) is not None:  # imported already, so the registry will say more about it
            continue
        if name not in known:
            what = f"no component '{name}'"
            near = closest(name, known)
            hint = f"did you mean {near}?" if near else "'ccd list' shows all"
            raise ConfigError(what, where=binding.origin, keys=(binding.key,), hint=hint)
        having = known[name]
        if setting not in (*having.settings, *having.runtime):
            what = f"no parameter '{setting}' in {name}"
            hint = did_you_mean(setting, having.settings, f"settings of {name}")
            raise ConfigError(what, where=binding.origin, keys=(binding.key,), hint=hint)


def refuse_unknown_names(
    folders: Sequence[Path],
    *,
    variant: str | None = None,
    seed: int | None = None,
    baseline: str | None = None,
    metrics: Sequence[str] = (),
    split: Literal["valid", "test"] = "test",
) -> None:
    """Refuse variants, seeds and metrics that the finished runs of ``folders`` do not have.

    Args:
        folders: Run folders, or runs' own folders.
        variant: Must be in each folder.
        seed: Must be in each folder, of that variant.
        baseline: Must be in one of them.
        metrics: Each must be known to one run at least.
        split: Whose metrics.

    Raises:
        ConfigError: A name is unknown, or a folder holds no finished run.
    """
    from ccd.analysis.common_metrics import choose_metric
    from ccd.finished.runs import choose_run, open_runs
    from ccd.suggestions import did_you_mean

    if variant is not None or seed is not None:
        for folder in folders:
            choose_run(folder, variant, seed)
    if baseline is None and not metrics:
        return
    runs = [run for folder in folders for run in open_runs(folder)]
    names = list(dict.fromkeys(run.result.variant for run in runs))
    # Of a variant that has other settings in another folder, the folder joins the name.
    if baseline is not None and not any(
        baseline == name or baseline.startswith(f"{name} (") for name in names
    ):
        raise ConfigError(
            f"no finished run of --baseline '{baseline}'",
            keys=("--baseline",),
            hint=did_you_mean(baseline, names, "variants"),
        )
    for metric in metrics:
        if not any(metric in getattr(run.result, split) for run in runs):
            choose_metric(runs, split, metric)
