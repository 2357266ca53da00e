"""Signals that ask a command to end in good order, and what becomes of its terminal."""

from __future__ import annotations

import os
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType

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


class StoppedAtOnce(KeyboardInterrupt):
    """Somebody asked twice to stop, or where nothing would have looked whether somebody did.

    Attributes:
        number: The signal that came first.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Halt:
    """Turns Ctrl-C, SIGTERM and SIGHUP into a flag while the block lasts; a second one interrupts.

    It raises ``StoppedAtOnce``.

    Args:
        parent: Process without which there is no point in going on; None for none.
        patient: Whether the first one waits to be asked for. Where not, it interrupts too, but in
            the block of ``waiting``.
    """

    def __init__(self, parent: int | None = None, *, patient: bool = True) -> None:
        self._parent, self._patient, self._flag = parent, patient, threading.Event()
        self.signal: int | None = None
        """The signal that came first."""

    def asked(self) -> bool:
        """Whether to stop."""
        orphaned = self._parent is not None and os.getppid() != self._parent
        return self._flag.is_set() or orphaned

    def wait(self, seconds: float) -> None:
        """Sleep, but wake up soon after somebody asks."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.asked():
            time.sleep(min(0.1, seconds))

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While the block lasts, ``asked`` is called often and the first signal waits for it."""
        before, self._patient = self._patient, True
        try:
            yield
        finally:
            self._patient = before

    def __enter__(self) -> Halt:
        self._signals = on_signals(self._note, (signal.SIGINT, *STOPS))
        self._signals.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._signals.__exit__(kind, error, trace)

    def _note(self, number: int) -> None:
        if self.signal is not None:
            raise StoppedAtOnce(self.signal)
        self.signal = number
        self._flag.set()
        if not self._patient:
            raise StoppedAtOnce(number)
        if self._parent is None:
            # Not print: the signal may have come in the middle of one.
            with suppress(OSError):  # its reader has left
                os.write(2, b"stopping at the end of the epoch; once more to stop at once\n")
