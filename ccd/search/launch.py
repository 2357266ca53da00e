"""Begin or go on with a study, with one worker in this process or several in their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ccd.crew import Crew, Job
from ccd.errors import ConfigError
from ccd.files import refusing_io, write_json
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
            job = Job(
                module="ccd.search.worker",
                order=opened.order.to_json(),
                logs=opened.folder / "workers",
                settled=opened.study.settled,
            )
            Crew(job, workers, halt, on_change).work()
        return halt.signal
