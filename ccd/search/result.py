"""What a study leaves behind: ``best.gin`` and a table of all trials."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from ccd.files import write_text
from ccd.search.studies import Opened
from ccd.search.study import BEST_EPOCHS, IDENTITY, METRIC, refuse_other_settings
from ccd.search.summary import Ended, best_trials, ended_trials
from ccd.search.target import Target

BEST_FILE = "best.gin"


def write_best(opened: Opened) -> tuple[Ended, Path, str] | None:
    """Write the best setting as a gin file.

    Returns:
        The best trial, the file and the command that runs it, or None where no trial is complete.

    Raises:
        ConfigError: The recipe is not what was searched any more, so it cannot give these values.
    """
    ranked = best_trials(ended_trials(opened.study))
    if not ranked:
        return None
    best, path = ranked[0], opened.file(BEST_FILE)
    target = Target(opened.order.source)
    known = opened.study.attributes[IDENTITY]
    refuse_other_settings(opened.study, {**known, **target.identity})
    # Where the recipe itself does not train on them.
    seeds = () if set(target.seeds) <= set(target.recipe.seeds) else tuple(target.seeds)
    command = opened.order.source.command(target.variant, path, seeds)
    metric = opened.study.attributes.get(METRIC, "metric")
    trial = next(t for t in opened.study.trials() if t.number == best.number)
    epochs = trial.user_attrs.get(BEST_EPOCHS, [])
    lines = [
        f"# Study '{opened.study.name}': trial {best.slot} is the best of {len(ranked)}",
        f"# {metric} {best.value:.6f} on validation, seed(s) {', '.join(map(str, target.seeds))}, "
        f"best epoch(s) {', '.join(map(str, epochs))}",
        f"# {command}",
        *(f"{key} = {text}" for key, text in best.bindings.items()),
    ]
    write_text(path, "\n".join(lines) + "\n")
    return best, path, command


def trials_as_csv(ended: list[Ended]) -> str:
    """One row per trial, one column per setting."""
    keys = sorted({key for trial in ended for key in trial.bindings})
    fixed = ["trial", "number", "state", "value", "seconds", "train_seconds", "kind", "reason"]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*fixed, *keys])
    for t in ended:
        row = [t.slot, t.number, t.state, t.value, t.seconds, t.train_seconds, t.kind, t.reason]
        table.writerow([*row, *(t.bindings.get(key, "") for key in keys)])
    return text.getvalue()


def trials_as_json(ended: list[Ended]) -> str:
    """A JSON list with one object per trial."""
    return json.dumps([vars(trial) for trial in ended], indent=2) + "\n"
