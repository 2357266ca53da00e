"""Signals that ask a command to end in good order, and what becomes of its terminal."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

STOPS = (signal.SIGTERM, signal.SIGHUP)
"""Somebody ends the process; the terminal it was started from, such as an ssh session, closes."""


@contextmanager
def on_signals(handler: Callable[[int], None], numbers: Sequence[int] = STOPS) -> Iterator[None]:
    """Call ``handler`` with the number of each signal that comes while the block lasts.

    SIGHUP never counts as a second signal, for a shell that is hung up passes on what its jobs have
    got already. It is left alone where the process was told to ignore it, as ``nohup`` does.
    """
    came = False

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal came
        if number == signal.SIGHUP:
            _leave_terminal()
            if came:
                return
        came = True
        handler(number)

    caught = [
        number
        for number in numbers
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
    ]
    before = {number: signal.signal(number, handle) for number in caught}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _leave_terminal() -> None:
    """What is still said goes nowhere: writing to a terminal that is gone would be an error."""
    with open(os.devnull, "wb") as nowhere:
        for stream in (1, 2):
            with suppress(OSError):  # it was closed before
                if stat.S_ISCHR(os.fstat(stream).st_mode):
                    os.dup2(nowhere.fileno(), stream)
