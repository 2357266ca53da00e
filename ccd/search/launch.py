"""Begin or go on with a study, with one worker in this process or several in their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import ccd
from ccd.errors import CcdError, ConfigError, ResourceError
from ccd.files import read_json, refusing_io, write_json
from ccd.runs.machine import usable_cores
from ccd.runs.signals import Halt
from ccd.search.folders import STUDY_FILE, study_folder
from ccd.search.names import default_name, refuse_name, refuse_other_study
from ccd.search.order import Order
from ccd.search.presets import Presets
from ccd.search.space import Space
from ccd.search.storage import open_store
from ccd.search.studies import Opened
from ccd.search.study import BUDGET, IDENTITY, RETRIES, SOURCE, STOP, Direction, create_study
from ccd.search.target import Source, Target
from ccd.search.worker import Worker

_POLL = 0.5
_GRACE = 3.0
"""Seconds for which workers that are told to stop at once may take to say so."""
_DEATHS = 5
"""Workers that may die in a row without a trial having ended."""


def begin(
    source: Source,
    *,
    name: str | None = None,
    folder: Path | None = None,
    storage: str | None = None,
    workers: int = 1,
    trials: int | None = None,
    timeout: float | None = None,
) -> Opened:
    """Check the recipe and its space, and make the study or find it again.

    Args:
        source: From what the recipe is loaded.
        name: Name of the study; None for that of the recipe and its data set.
        folder: Its folder; None for that of its name in ``runs/search``.
        storage: Address of the storage, or None for a journal file.
        workers: Processes.
        trials: Total number of trials; None for what the study has, or its recipe says.
        timeout: Seconds after which no trial begins.

    Raises:
        ConfigError: The recipe, the space or the storage's address is wrong, or the study of that
            name searches something else.
        ResourceError: The storage is not there.
    """
    target = Target(source)
    presets = Presets(Space(target))
    name = name or default_name(target)
    if folder is None:
        refuse_name(name)
        folder = study_folder(name)
        refuse_other_study(folder, name)
    with refusing_io(folder):
        folder.mkdir(parents=True, exist_ok=True)
    store = open_store(storage, folder)
    if workers > 1 and not store.is_shared:
        raise ConfigError(
            f"a study in SQLite ({store.text}) takes one worker",
            keys=("--storage", "--workers"),
            found=f"--workers {workers}",
            hint="use a journal file on one machine, or PostgreSQL",
        )
    search = target.search
    directions: tuple[Direction, ...] = ("maximize", "minimize")
    attributes = {
        IDENTITY: presets.identity,
        SOURCE: source.to_json(),
        BUDGET: presets.budget(trials),
        RETRIES: search.retries,
    }
    study = create_study(store.backend, name, directions[: len(search.objectives)], attributes)
    if trials is not None and study.budget != presets.budget(trials):
        study.set(BUDGET, presets.budget(trials))
    if study.is_stopping:
        study.set(STOP, False)
    # No address goes into a file: it may hold a password.
    kept_in = None if storage is None else store.text
    write_json(folder / STUDY_FILE, {"study": name, "storage": kept_in})
    until = time.time() + timeout if timeout is not None else None
    order = Order(source, name, storage, str(folder), until)
    return Opened(study, store, folder, order)


def work(opened: Opened, workers: int, on_change: Callable[[], None]) -> int | None:
    """Train until the study is done, time is up or somebody stops it.

    Args:
        opened: The study.
        workers: Processes; one works in this process.
        on_change: Called now and then, and after each trial of a single worker.

    Returns:
        The signal that stopped it, or None.

    Raises:
        CcdError: What stopped a worker for good.
    """
    with Halt() as halt:
        if workers == 1:
            Worker(opened.order, halt, on_change).work()
        else:
            _Crew(opened, workers, halt, on_change).work()
        return halt.signal


class _Crew:
    """Worker processes; one that is killed is replaced."""

    def __init__(
        self, opened: Opened, workers: int, halt: Halt, on_change: Callable[[], None]
    ) -> None:
        self._opened, self._halt, self._on_change = opened, halt, on_change
        self._logs = opened.folder / "workers"
        with refusing_io(self._logs):
            self._logs.mkdir(exist_ok=True)
        asked = os.environ.get("OMP_NUM_THREADS", "")
        share = max(1, usable_cores() // workers)
        self._threads = min(share, int(asked)) if asked.isdecimal() and int(asked) else share
        self._processes: list[tuple[subprocess.Popen[str], Path]] = []
        self._wanted, self._begun = workers, 0

    def work(self) -> None:
        try:
            self._watch()
        except KeyboardInterrupt:
            self._ask(signal.SIGTERM)
            self._stop_at_once()
            raise
        finally:
            self._stop()
            self._on_change()

    def _watch(self) -> None:
        deaths, settled = 0, -1
        for _ in range(self._wanted):
            self._start()
        while self._processes:
            time.sleep(_POLL)
            self._on_change()
            if self._halt.asked():
                return
            now = self._opened.study.settled()
            deaths, settled = (0, now) if now != settled else (deaths, settled)
            for process, log in [*self._processes]:
                if process.poll() is None:
                    continue
                self._processes.remove((process, log))
                if process.returncode > 0:
                    raise told_by(log, process.returncode)
                if process.returncode < 0:
                    deaths += 1
                    if deaths > _DEATHS:
                        raise ResourceError(
                            f"{deaths} workers were killed one after the other, the last by "
                            f"signal {-process.returncode}",
                            hint="if memory ran out, lower --workers or Trainer.batch_size",
                        )
                    self._start()

    def _start(self) -> None:
        log = self._logs / f"{os.getpid()}-{self._begun}.log"
        self._begun += 1
        with refusing_io(log), log.open("w", encoding="utf-8") as output:
            _refusal_file(log).unlink(missing_ok=True)  # of an earlier process with this id
            process = _spawn(output, self._threads)
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # it died at once, which is noticed later
            order = self._opened.order.to_json()
            process.stdin.write(f"{order}\n{os.getpid()}\n{_refusal_file(log)}\n")
            process.stdin.close()
        self._processes.append((process, log))

    def _stop(self) -> None:
        """Ask all to finish their epoch; on a second Ctrl-C, end them at once."""
        self._ask(signal.SIGTERM)
        try:
            for process, _ in self._processes:
                process.wait()
        except KeyboardInterrupt:
            self._stop_at_once()
            raise

    def _stop_at_once(self) -> None:
        """Ask those who were asked to stop a second time: they give their trials back and end.

        By another signal, for two of one kind may arrive as one.
        """
        self._ask(signal.SIGINT)
        _kill_late(self._processes)

    def _ask(self, number: signal.Signals) -> None:
        for process, _ in self._processes:
            process.send_signal(number)


def _kill_late(processes: list[tuple[subprocess.Popen[str], Path]]) -> None:
    until = time.monotonic() + _GRACE
    for process, _ in processes:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            process.kill()


_WORK = """\
import sys
sys.path[:] = [*filter(None, sys.path), sys.argv[1]]
from ccd.search.worker import main
main()
"""
"""What a worker process runs. Not ``python -m``: that looks for modules in the current folder, so
a file there that is called like one of Python's or ccd's would be run."""


def _spawn(output: IO[str], threads: int) -> subprocess.Popen[str]:
    """A worker process; in a session of its own, so that Ctrl-C reaches it through us only."""
    return subprocess.Popen(
        [sys.executable, "-c", _WORK, str(Path(ccd.__file__).resolve().parents[1])],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        start_new_session=True,
        text=True,
    )


def _refusal_file(log: Path) -> Path:
    """Where the worker with this log leaves its refusal."""
    return log.with_suffix(".refusal.json")


def told_by(log: Path, code: int) -> CcdError:
    """Why the worker with this log ended: its refusal, or where to read what went wrong.

    Args:
        log: What the worker printed.
        code: Its exit code.
    """
    told = _refusal_file(log)
    if told.exists():
        return CcdError.from_json(read_json(told))
    return CcdError(
        f"a worker ended with code {code}", where=log, hint="that file holds what it printed"
    )
