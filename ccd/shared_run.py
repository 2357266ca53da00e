"""``ccd run --workers``: processes of this machine that share the runs of one folder.

Each does what ``ccd run`` does, and takes the runs that no other trains. What they tell goes to one
observer.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ccd.arguments import as_seeds
from ccd.collector import collector_paused
from ccd.config.recipe import load_recipe
from ccd.crew import Crew, Job, as_worker
from ccd.errors import CcdError
from ccd.runs.command import new_command, work_for
from ccd.runs.folder import default_folder, finished_runs
from ccd.runs.lock import holder_of
from ccd.runs.records import EpochRecord, Observer, Plan, RunResult
from ccd.runs.signals import Halt

_OF_THE_RUN = ("data_dir", "refit", "from_run", "match_ids")
"""Options that say nothing of the recipe."""


def run_shared(
    recipe: str,
    *,
    workers: int,
    observer: Observer,
    halt: Halt,
    seeds: Sequence[int],
    out: Path | None,
    fresh: bool,
    **choice: Any,
) -> None:
    """``ccd.ablation.run`` in several processes.

    Args:
        recipe: As there, and so are the others; they are plain values or paths.
        workers: Processes; never more than there are runs.
        observer: Told about the progress of all.
        halt: Says when to stop; each worker then ends its epoch and keeps a checkpoint.
        seeds: As there.
        out: As there.
        fresh: As there.
        choice: ``bindings``, ``only``, ``dataset``, ``data_dir``, ``with_files``,
            ``allow_imports``, ``refit``, ``from_run`` and ``match_ids`` of ``ccd.ablation.run``.

    Raises:
        CcdError: What ``ccd.ablation.run`` raises in a worker.
        KeyboardInterrupt: ``halt`` said so.
    """
    of_recipe = {name: given for name, given in choice.items() if name not in _OF_THE_RUN}
    loaded = load_recipe(recipe, **of_recipe)
    folder = out or default_folder(loaded.name)
    n_runs = len(loaded.selected) * len(as_seeds(seeds) or loaded.seeds)
    order = {**choice, "recipe": recipe, "seeds": seeds, "out": folder, "fresh": fresh}
    with _logs() as logs, halt.waiting():
        relay = _Relay(observer, logs, folder)
        told = json.dumps({"id": new_command(), "command": sys.argv, "run": order}, default=str)
        job = Job(__name__, told, logs, lambda: len(relay.over))
        crew = Crew(job, min(workers, n_runs), halt, lambda: relay.look(crew.pids))
        try:
            crew.work()
        finally:
            relay.close()
    if halt.asked():
        raise KeyboardInterrupt


@contextmanager
def _logs() -> Iterator[Path]:
    """A folder for what workers print; it stays only where an error says to look into it."""
    folder = Path(tempfile.mkdtemp(prefix="ccd-workers-"))
    kept = False
    try:
        yield folder
    except CcdError as error:
        kept = any(Path(place.file).parent == folder for place in error.where)
        raise
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


class _Relay:
    """Tells one observer what the workers tell in their logs, each thing once.

    Args:
        observer: Whom to tell.
        logs: Where the logs are.
        folder: The run folder.

    Attributes:
        over: The runs that ended.
    """

    def __init__(self, observer: Observer, logs: Path, folder: Path) -> None:
        self._observer, self._logs = observer, logs
        self._before = set(finished_runs(folder))
        self._read: dict[Path, int] = {}
        self._notes: set[str] = set()
        self._found: dict[tuple[str, int], RunResult] = {}
        self._plan: Plan | None = None
        self._own: tuple[str, ...] = ()
        self.over: set[tuple[str, int]] = set()

    def look(self, pids: Sequence[int]) -> None:
        """Take in what came since, by workers with these ids."""
        self._own = tuple(f"{holder_of(pid)} trains it" for pid in pids)
        for log in sorted(self._logs.glob("*.log")):
            with log.open("rb") as file:
                file.seek(self._read.get(log, 0))
                for line in file:
                    if line.endswith(b"\n"):  # the rest of it comes later
                        self._read[log] = self._read.get(log, 0) + len(line)
                        self._take(line)

    def close(self) -> None:
        """All have ended: what another process ended, or a worker that then died, is told too."""
        for pair, result in self._found.items():
            if pair not in self.over:
                self._finished(result, skipped=True)
        self._observer.closed()

    def _take(self, line: bytes) -> None:
        try:
            event = json.loads(line)
            kind = event.pop("event")
        except (ValueError, AttributeError, KeyError, TypeError):
            return  # a warning of a library, say
        if kind == "started" and self._plan is None:
            self._plan = _PLAN.validate_python(event)
            self._observer.started(self._plan)
        elif kind == "note" and not event["message"].endswith(self._own):
            if event["message"] not in self._notes:
                self._notes.add(event["message"])
                self._observer.note(event["message"])
        elif kind == "epoch":
            self._observer.epoch(_EPOCH.validate_python(event))
        elif kind == "finished":
            skipped = event.pop("skipped")
            result = _RESULT.validate_python(event)
            pair = (result.variant, result.seed)
            if skipped and pair not in self._before:
                self._found[pair] = result  # whoever trained it tells
            elif pair not in self.over:
                self._finished(result, skipped=skipped)

    def _finished(self, result: RunResult, *, skipped: bool) -> None:
        self.over.add((result.variant, result.seed))
        self._observer.finished(result, skipped=skipped)


_PLAN, _EPOCH, _RESULT = TypeAdapter(Plan), TypeAdapter(EpochRecord), TypeAdapter(RunResult)


def main() -> None:
    """A worker process."""
    as_worker(_work)


def _work(order: str, halt: Halt) -> None:
    with collector_paused():  # it imports torch
        from ccd.ablation import run
    from ccd.progress.plain import JsonProgress

    told = json.loads(order)
    sys.argv[:] = told["command"]  # the manifest says what was typed
    work_for(told["id"])
    run(**told["run"], observer=JsonProgress(), halt=halt)
