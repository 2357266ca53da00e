"""Where the command line begins: ``ccd`` and ``python -m ccd``.

Ctrl-C ends it without a traceback from the first import to the last clean-up.
"""

from __future__ import annotations

import os
import signal
from types import FrameType


def main() -> None:
    """Run the command line and exit."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not told to ignore it
    if ours:
        signal.signal(signal.SIGINT, _leave)
    try:
        from ccd.cli import main as command

        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        command()
    except KeyboardInterrupt:  # a second one, while the command was dealing with the first
        os._exit(128 + signal.SIGINT)
    finally:
        if ours:
            signal.signal(signal.SIGINT, _leave)


def _leave(number: int, _: FrameType | None) -> None:
    """Leave at once: nothing is begun yet, or all that there is to write is written."""
    os._exit(128 + number)


if __name__ == "__main__":
    main()
