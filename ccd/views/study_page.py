"""``ccd report`` of a study: its history, its best trials and what mattered, on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ccd.errors import CcdError
from ccd.figures.history import draw_history
from ccd.figures.plots import Request, draw
from ccd.figures.style import svg_text
from ccd.search.study import IDENTITY
from ccd.search.summary import best_trials, ended_trials, importances, summarise
from ccd.terminal.console import duration
from ccd.views.html_parts import Part, Sorted, to_figure, to_page, to_table, to_text
from ccd.views.page_html import figure_html

if TYPE_CHECKING:
    from ccd.search.studies import Opened
    from ccd.search.summary import Ended, Summary


def study_html(opened: Opened) -> str:
    """The page of a study; the test split has no part in it."""
    summary, ended = summarise(opened.study), ended_trials(opened.study)
    metric = summary.metric or "metric"
    identity = opened.study.attributes.get(IDENTITY, {})
    again = opened.order.source.search_command(
        summary.study, summary.budget, opened.order.storage and opened.store.address
    )
    searched = to_table(("setting", "value"), sorted(identity.items()), plain=True)
    parts = [
        Part("How it stands", to_table(("what", "value"), _standing(summary, metric), plain=True)),
        Part("History", _history(ended, metric)),
        Part("What mattered", _importances(opened) + _sensitivity(opened)),
        Part("Trials", _trials(ended, metric)),
        Part("What was searched, and in what", searched),
        Part("How to reproduce", f"<pre>{to_text(again)}</pre>"),
    ]
    return to_page(f"Study {summary.study}: {metric} on validation", parts)


def _standing(summary: Summary, metric: str) -> list[tuple[str, str]]:
    rows = [("trials of the budget", f"{summary.settled} of {summary.budget}")]
    rows += [(state, str(getattr(summary, state))) for state in
             ("complete", "pruned", "failed", "running", "lost")]  # fmt: skip
    if summary.best is not None:
        best = f"{metric} {summary.best.value:.4f} on validation, trial {summary.best.slot}"
        rows.append(("best", best))
    return rows + [(f"failed {failure.count} times", str(failure)) for failure in summary.failures]


def _history(ended: list[Ended], metric: str) -> str:
    try:
        words = f"Validation {metric} of each trial, and the best so far."
        instead = "Points by trial and a rising line; the values stand in the table of trials."
        return to_figure(words, instead, svg_text(draw_history(ended, metric)))
    except CcdError as error:
        return f"<p>{to_text(error.one_line)}</p>"


def _importances(opened: Opened) -> str:
    found = importances(opened.study)
    if not found:
        why = "the complete trials are too few, or all alike"
        return f"<p>Nothing can be said{opened.study.yet}: {why}.</p>"
    rows = [(key, f"{share:.0%}") for key, share in found.items()]
    words = (
        "Relative importance of each setting for reaching the best trials (PED-ANOVA); "
        "sums to 100 %."
    )
    return to_table(("setting", "importance"), rows) + f"<p>{words}</p>"


def _sensitivity(opened: Opened) -> str:
    try:
        svg = svg_text(draw("sensitivity", Request(opened.folder, study=opened.study)))
    except CcdError:  # the importances have said it
        return ""
    return figure_html("sensitivity", svg)


def _trials(ended: list[Ended], metric: str) -> str:
    """All that have ended, the best first; a column per setting."""
    ranked = best_trials(ended)
    rest = [trial for trial in ended if trial not in ranked]
    keys = sorted({key for trial in ended for key in trial.bindings})
    rows = [
        (
            str(trial.slot), trial.state, "" if trial.value is None else f"{trial.value:.4f}",
            "" if trial.seconds is None else Sorted(duration(trial.seconds), trial.seconds),
            *(trial.bindings.get(key, "") for key in keys), trial.reason,
        )
        for trial in (*ranked, *rest)
    ]  # fmt: skip
    return to_table(("trial", "state", metric, "time", *keys, "reason"), rows)
