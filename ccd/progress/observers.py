"""Which observer shows a run: live on a terminal, lines in a log, JSON for a machine."""

from __future__ import annotations

from ccd.progress.live import LiveProgress
from ccd.progress.plain import JsonProgress, PlainProgress
from ccd.terminal.console import make_console


def choose_observer(json: bool = False) -> LiveProgress | PlainProgress | JsonProgress:
    """The observer that suits standard output.

    Args:
        json: JSON lines, whatever standard output is.
    """
    if json:
        return JsonProgress()
    console = make_console()
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveProgress(console)
    return PlainProgress(console)
