"""A study for the terminal: how it stands, a line per trial, the best and what mattered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ccd.terminal.console import duration

if TYPE_CHECKING:
    from ccd.search.summary import Ended, Summary

_SHOWN = 10


def trial_line(trial: Ended, metric: str, summary: Summary) -> str:
    """One line about a trial that has just ended."""
    value = "" if trial.value is None else f"  {metric} {trial.value:.4f}"
    seconds = "" if trial.seconds is None else f"  {duration(trial.seconds)}"
    why = f"  {': '.join(filter(None, (trial.kind, trial.reason)))}" if trial.reason else ""
    best = summary.best
    so_far = f"  best {best.value:.4f} (trial {best.slot})" if best else ""
    done = f"[{summary.settled}/{summary.budget}]"
    return f"{done} trial {trial.slot} {trial.state}{value}{seconds}{why}{so_far}"


def status_view(summary: Summary, resume: str) -> RenderableType:
    """How a study stands.

    Args:
        summary: What is known of it.
        resume: The command that goes on with it.
    """
    metric = summary.metric or "metric"
    states = (("complete", summary.complete), ("pruned", summary.pruned),
              ("failed", summary.failed), ("running", summary.running))  # fmt: skip
    rows = {
        "trials": f"{summary.settled} of {summary.budget}: "
        + ", ".join(f"{count} {state}" for state, count in states),
        "best": "none yet" if summary.settled < summary.budget else "none",
    }
    if summary.best is not None and summary.best.value is not None:
        rows["best"] = f"{metric} {summary.best.value:.4f} on validation, trial {summary.best.slot}"
    if summary.failures:
        commonest = summary.failures[0]
        total = sum(failure.count for failure in summary.failures)
        rows["failures"] = f"{total}, {commonest.count} of them: {commonest}"
    if summary.lost:
        rows["lost"] = f"{summary.lost} trials of workers that died; each is tried again"
    if summary.settled < summary.budget and summary.seconds_left is not None:
        rows["time left"] = f"about {duration(summary.seconds_left)}"
    if summary.stopping:
        rows["stopping"] = f"yes; to go on: {resume}"
    table = Table.grid(padding=(0, 2))
    for name, text in rows.items():
        table.add_row(Text(name), Text(text))
    return Group(Text(f"study {summary.study}", style="bold"), table)


def studies_view(
    studies: Iterable[tuple[str, Summary | None, str]],
) -> RenderableType:
    """A line for each study.

    Args:
        studies: Name, how it stands or None, and in that case why that is not known.
    """
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for name, summary, why_closed in studies:
        if summary is None:
            table.add_row(Text(name, style="bold"), "", Text(why_closed, style="dim"))
            continue
        best = summary.best
        value = f"{summary.metric} {best.value:.4f}" if best and best.value is not None else ""
        done = f"{summary.settled}/{summary.budget}"
        table.add_row(
            Text(name, style="bold"), done, Text(", ".join(filter(None, (_state(summary), value))))
        )
    return table


def _state(summary: Summary) -> str:
    """What becomes of a study just now, in a word or two."""
    if summary.settled >= summary.budget:
        return "done"
    if summary.running:
        return f"{summary.running} running{', stopping' if summary.stopping else ''}"
    return "stopped" if summary.stopping else "not finished"


def best_view(best: list[Ended], metric: str, importances: dict[str, float]) -> RenderableType:
    """The best trials with what they set, and how much each setting mattered."""
    keys = list(dict.fromkeys(key for trial in best for key in trial.bindings))
    table = Table(title=f"The best of the study, {metric} on validation", title_justify="left")
    table.add_column("trial", justify="right")
    table.add_column(metric, justify="right")
    table.add_column("time", justify="right")
    table.add_column("setting", overflow="fold")
    for trial in best[:_SHOWN]:
        setting = "\n".join(f"{k} = {trial.bindings[k]}" for k in keys if k in trial.bindings)
        time = duration(trial.seconds) if trial.seconds is not None else ""
        table.add_row(str(trial.slot), f"{trial.value:.4f}", time, Text(setting))
        table.add_section()
    if not importances:
        return Group(table, Text("importances: too few trials, or all alike", style="dim"))
    shares = Table(title="What mattered for the best trials (PED-ANOVA)", title_justify="left")
    shares.add_column("setting", overflow="fold")
    shares.add_column("importance", justify="right")
    for key, share in importances.items():
        shares.add_row(Text(key), f"{share:.0%}")
    return Group(table, shares)
