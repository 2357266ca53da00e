"""The terminal as it is: wide or narrow, UTF-8 or not, a window or a closed pipe."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions


@dataclass(frozen=True)
class Glyphs:
    """Characters that have an ASCII stand-in."""

    done: str
    running: str
    waiting: str
    plus_minus: str
    ellipsis: str
    separator: str
    bar: str


UNICODE = Glyphs("✓", "▶", "·", "±", "…", "·", "█")
ASCII = Glyphs("+", ">", ".", "+-", "..", "|", "#")


class PatientConsole(Console):
    """A console that goes quiet when its pipe or its terminal is gone (``ccd run ... | head``).

    rich would leave the process; hours of training are worth more than their progress lines.
    """

    def _check_buffer(self) -> None:
        try:
            super()._check_buffer()
        except OSError:  # for a closed pipe, rich calls the next itself
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Send everything that follows nowhere."""
        self.quiet = True
        silence_stdout()


def make_console() -> PatientConsole:
    """A console on standard output; ``NO_COLOR`` and a redirected output are honoured."""
    return PatientConsole(highlight=False)


def glyphs_for(options: ConsoleOptions) -> Glyphs:
    """The characters that the output's encoding has."""
    return ASCII if options.ascii_only else UNICODE


def say(line: str) -> None:
    """Print a line of progress; that nobody can read it any more is no reason to stop."""
    try:
        print(line, flush=True)
    except OSError:  # a closed pipe, or a terminal that is gone
        silence_stdout()


def silence_stdout() -> None:
    """Point standard output at nothing, so that the interpreter's last flush does not fail."""
    # A standard output without a file descriptor, as in a test, has no last flush either.
    with suppress(OSError, ValueError):
        target = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, target)
        os.close(nowhere)


def duration(seconds: float) -> str:
    """Seconds as ``45s``, ``3m10s`` or ``2h05m``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def shorten(name: str, width: int, ellipsis: str) -> str:
    """``name`` in at most ``width`` characters; the end stays, since variants differ there."""
    if len(name) <= width:
        return name
    return ellipsis + name[len(name) - max(width - len(ellipsis), 1) :]
