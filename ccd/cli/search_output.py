"""What ``ccd search`` says while it works and when it has ended."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING

from ccd.errors import ConfigError
from ccd.terminal.console import make_console
from ccd.terminal.stdout import say

if TYPE_CHECKING:
    from ccd.search.studies import Listed, Opened
    from ccd.search.summary import Ended, Summary

_JSON_BEST = 10


class Teller:
    """Tells about each trial once, when it has ended.

    Args:
        opened: The study.
        as_json: One JSON object per event instead of lines.
    """

    def __init__(self, opened: Opened, as_json: bool) -> None:
        self._opened, self._as_json = opened, as_json
        self._known = {trial.number for trial in self._ended()}

    def begin(self, workers: int) -> None:
        """Say what is searched and where it is kept."""
        study, folder = self._opened.study, self._opened.folder
        settled, budget = study.settled(), study.budget
        if self._as_json:
            self._emit("started", {"study": study.name, "folder": str(folder), "budget": budget,
                                   "settled": settled, "workers": workers})  # fmt: skip
            return
        say(f"study {study.name}: {settled} of {budget} trials done, {workers} worker(s)")
        say(f"folder: {folder}   storage: {self._opened.store.text}")

    def tell(self) -> None:
        """Tell about trials that have ended since."""
        from ccd.search.summary import summarise
        from ccd.views.search_text import trial_line

        for trial in self._ended():
            if trial.number in self._known:
                continue
            self._known.add(trial.number)
            if self._as_json:
                self._emit("trial", asdict(trial))
            else:
                summary = summarise(self._opened.study)
                say(trial_line(trial, summary.metric or "metric", summary))

    def end(self) -> None:
        """Say how the study stands, and how to go on with it."""
        from ccd.search.summary import summarise
        from ccd.views.search_text import status_view

        self.tell()
        summary = summarise(self._opened.study)
        if self._as_json:
            self._emit("ended", summary.to_json())
            return
        say("")
        make_console().print(status_view(summary, resume_command(self._opened)))
        if summary.settled < summary.budget:
            say(f"to go on: {resume_command(self._opened)}")

    def _ended(self) -> list[Ended]:
        from ccd.search.summary import ended_trials

        return ended_trials(self._opened.study)

    def _emit(self, event: str, body: dict[str, object]) -> None:
        say(json.dumps({"event": event, **body}))


def show_studies(listed: list[Listed], place: str, as_json: bool) -> None:
    """A line for each study of a place."""
    if as_json:
        bodies = [
            {"study": each.name, "closed_because": each.closed_because}
            if each.opened is None
            else _summary(each.opened).to_json()
            for each in listed
        ]
        say(json.dumps({"studies": bodies}, indent=2))
    elif listed:
        from ccd.views.search_text import studies_view

        view = studies_view(
            (each.name, _summary(each.opened) if each.opened else None, each.closed_because)
            for each in listed
        )
        make_console().print(view)
    else:
        say(f"no study in {place}; begin one with 'ccd search RECIPE'")


def _summary(opened: Opened) -> Summary:
    from ccd.search.summary import summarise

    return summarise(opened.study)


def resume_command(opened: Opened) -> str:
    """What goes on with a study; a password in the storage's address is left out."""
    words = ["ccd", "search", "resume", opened.word]
    if opened.order.storage is not None:
        words += ["--storage", opened.store.address]
    return shlex.join(words)


def show_best(opened: Opened, as_json: bool) -> None:
    """The best trials and what mattered; ``best.gin`` is written unless the recipe was edited."""
    from ccd.search.result import BEST_FILE, write_best
    from ccd.search.study import METRIC
    from ccd.search.summary import best_trials, ended_trials, importances
    from ccd.views.search_text import best_view

    written, refused = None, None
    try:
        written = write_best(opened)
    except ConfigError as error:  # what was found can be looked at nevertheless
        refused = error.one_line
    ranked = best_trials(ended_trials(opened.study))
    metric = str(opened.study.attributes.get(METRIC, "metric"))
    if as_json:
        body = {
            "event": "best",
            "metric": metric,
            "trials": [asdict(trial) for trial in ranked[:_JSON_BEST]],
            "importances": importances(opened.study),
            "file": str(written[1]) if written else None,
            "command": written[2] if written else None,
            "note": refused,
        }
        say(json.dumps(body))
        return
    if not ranked:
        say(f"no trial is complete{opened.study.yet}")
        return
    make_console().print(best_view(ranked, metric, importances(opened.study)))
    if written is None:
        say(f"note: {BEST_FILE} is not written: {refused}")
    else:
        say(f"best setting: {written[1]}\nreproduce it: {written[2]}")


def show_test(opened: Opened, as_json: bool) -> None:
    """Test the winner on several seeds, as ``ccd run`` does."""
    from ccd.cli.run import show_results
    from ccd.progress.observers import choose_observer
    from ccd.progress.plain import JsonProgress
    from ccd.winner import run_winner

    observer = choose_observer(as_json)
    try:
        run_winner(opened, seeds=(), observer=observer)
        show_results(observer)
    finally:
        if isinstance(observer, JsonProgress):
            observer.end()
