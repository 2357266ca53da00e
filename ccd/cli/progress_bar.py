"""A progress bar, on standard error and only where that is a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from typing_extensions import Self


class ProgressBar:
    """Shows what is going on and how much of it is done.

    Args:
        first: What goes on first.
    """

    def __init__(self, first: str = "reading events") -> None:
        console = Console(stderr=True, highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(first, total=1.0)

    def __call__(self, what: str, share: float) -> None:
        self._bar.update(self._task, description=what, completed=share)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
