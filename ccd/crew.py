"""Worker processes on this machine: begun with an order, watched, replaced when they are killed.

Workers share nothing but what lies on the disk or in a storage, so each loads everything itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import ccd
from ccd.devices import take_device
from ccd.errors import CcdError, NumericError, ResourceError
from ccd.files import read_json, refusing_io, write_json
from ccd.runs.machine import usable_cores
from ccd.runs.signals import Halt

_POLL = 0.5
_GRACE = 3.0
"""Seconds for which workers that are told to stop at once may take to say so."""
_DEATHS = 5
"""Workers that may die in a row without anything having been settled."""


@dataclass(frozen=True)
class Job:
    """What a crew works on.

    Attributes:
        module: Its function ``main`` is what a worker runs; it calls ``as_worker``.
        order: What a worker is told, on one line.
        logs: Folder for what the workers print.
        settled: How many units of the work are done.
    """

    module: str
    order: str
    logs: Path
    settled: Callable[[], int]


class Crew:
    """Worker processes; one that is killed is replaced, on the device that it had.

    Args:
        job: What they do.
        workers: How many there are.
        halt: Says when to stop.
        on_change: Called every half second.
    """

    def __init__(self, job: Job, workers: int, halt: Halt, on_change: Callable[[], None]) -> None:
        self._job, self._halt, self._on_change = job, halt, on_change
        with refusing_io(job.logs):
            job.logs.mkdir(exist_ok=True)
        asked = os.environ.get("OMP_NUM_THREADS", "")
        share = max(1, usable_cores() // workers)
        self._threads = min(share, int(asked)) if asked.isdecimal() and int(asked) else share
        self._processes: dict[int, tuple[subprocess.Popen[str], Path]] = {}
        """Those that work, by their place from 0, and their logs."""
        self._wanted = workers
        self.pids: list[int] = []
        """Of all workers so far."""

    def work(self) -> None:
        """Work until all workers have ended, or ``halt`` asks to stop.

        Raises:
            CcdError: What stopped a worker for good. The others were asked to stop, except where
                the numbers of one diverged, which says nothing of theirs.
            KeyboardInterrupt: Somebody asked twice to stop.
        """
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
        diverged: NumericError | None = None
        for place in range(self._wanted):
            self._start(place)
        while self._processes:
            time.sleep(_POLL)
            self._on_change()
            if self._halt.asked():
                return
            now = self._job.settled()
            deaths, settled = (0, now) if now != settled else (deaths, settled)
            for place, (process, log) in [*self._processes.items()]:
                if process.poll() is None:
                    continue
                del self._processes[place]
                if process.returncode > 0:
                    error = told_by(log, process.returncode)
                    if not isinstance(error, NumericError):
                        raise error
                    diverged = error
                if process.returncode < 0:
                    deaths += 1
                    if deaths > _DEATHS:
                        raise ResourceError(
                            f"{deaths} workers were killed one after the other, the last by "
                            f"signal {-process.returncode}",
                            hint="if memory ran out, lower --workers or Trainer.batch_size",
                        )
                    self._start(place)
        if diverged is not None:
            raise diverged

    def _start(self, place: int) -> None:
        log = self._job.logs / f"{os.getpid()}-{len(self.pids)}.log"
        with refusing_io(log), log.open("w", encoding="utf-8") as output:
            _refusal_file(log).unlink(missing_ok=True)  # of an earlier process with this id
            process = _spawn(self._job.module, output, self._threads)
        self.pids.append(process.pid)
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # it died at once, which is noticed later
            told = (self._job.order, os.getpid(), _refusal_file(log), place)
            process.stdin.write("".join(f"{line}\n" for line in told))
            process.stdin.close()
        self._processes[place] = (process, log)

    def _stop(self) -> None:
        """Ask all to finish their epoch; on a second Ctrl-C, end them at once."""
        self._ask(signal.SIGTERM)
        try:
            for process, _ in self._processes.values():
                process.wait()
        except KeyboardInterrupt:
            self._stop_at_once()
            raise

    def _stop_at_once(self) -> None:
        """Ask those who were asked to stop a second time: they give their work back and end.

        By another signal, for two of one kind may arrive as one.
        """
        self._ask(signal.SIGINT)
        _kill_late([process for process, _ in self._processes.values()])

    def _ask(self, number: signal.Signals) -> None:
        for process, _ in self._processes.values():
            process.send_signal(number)


def as_worker(work: Callable[[str, Halt], object]) -> None:
    """Be a worker process of a ``Crew``.

    Its order, its parent's id, the file for a refusal and its place among the workers come on
    standard input, a line each. The parent reads that file and raises the refusal again. The place
    says which of several CUDA devices is its own.

    Args:
        work: Called with the order, and with what says when to stop.
    """
    order, parent = sys.stdin.readline().rstrip("\n"), int(sys.stdin.readline())
    refusal, place = Path(sys.stdin.readline().rstrip("\n")), int(sys.stdin.readline())
    try:
        with Halt(parent=parent) as halt:
            take_device(place)
            work(order, halt)
    except CcdError as error:
        write_json(refusal, error.to_json())
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _kill_late(processes: list[subprocess.Popen[str]]) -> None:
    until = time.monotonic() + _GRACE
    for process in processes:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            process.kill()


_WORK = """\
import sys
sys.path[:] = [*filter(None, sys.path), sys.argv[1]]
__import__(sys.argv[2], fromlist=["main"]).main()
"""
"""What a worker process runs. Not ``python -m``: that looks for modules in the current folder, so
a file there that is called like one of Python's or ccd's would be run."""


def _spawn(module: str, output: IO[str], threads: int) -> subprocess.Popen[str]:
    """A worker process; in a session of its own, so that Ctrl-C reaches it through us only."""
    return subprocess.Popen(
        [sys.executable, "-c", _WORK, str(Path(ccd.__file__).resolve().parents[1]), module],
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
