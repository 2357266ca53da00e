"""Standard output that cannot be written: its reader has left, or its disk is full.

A reader who left misses nothing. What was to go into a file is missed, so that is remembered until
the command ends; meanwhile training goes on, worth more than its progress lines.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress

_GONE = (errno.EPIPE, errno.EIO)
"""A closed pipe; a terminal that was closed."""

_lost: list[OSError] = []
"""The first failure that somebody has to be told about."""


def say(line: str) -> None:
    """Print a line of progress; that it cannot be written is no reason to stop."""
    try:
        print(line, flush=True)
    except OSError as error:
        give_up_stdout(error)


def give_up_stdout(error: OSError) -> None:
    """Send everything that follows nowhere, since standard output failed with ``error``."""
    if error.errno not in _GONE and not _lost:
        _lost.append(error)
    # A standard output without a file descriptor, as in a test, has no last flush either.
    with suppress(OSError, ValueError):
        target = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, target)
        os.close(nowhere)


def close_stdout() -> OSError | None:
    """Write out what is left; the failure by which output was lost, if any was."""
    try:
        sys.stdout.flush()
    except OSError as error:
        give_up_stdout(error)
    return _lost.pop() if _lost else None
