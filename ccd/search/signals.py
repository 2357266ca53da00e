"""Stopping a worker: at the end of the epoch, and at once when asked twice."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from types import TracebackType

from ccd.runs.signals import STOPS, on_signals


class StoppedAtOnce(KeyboardInterrupt):
    """Somebody asked twice to stop.

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
    """

    def __init__(self, parent: int | None = None) -> None:
        self._parent, self._flag = parent, threading.Event()
        self.signal: int | None = None
        """The signal that came first."""

    def asked(self) -> bool:
        """Whether to stop."""
        orphaned = self._parent is not None and os.getppid() != self._parent
        return self._flag.is_set() or orphaned

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
        if self._parent is None:
            # Not print: the signal may have come in the middle of one.
            with suppress(OSError):  # its reader has left
                os.write(2, b"stopping at the end of the epoch; once more to stop at once\n")
