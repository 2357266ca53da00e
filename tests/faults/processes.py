"""Work in a process of its own, without the seconds that imports take."""

from __future__ import annotations

import os
import random
import signal
import time
import traceback
from collections.abc import Callable


def forked(work: Callable[[], object]) -> int:
    """Begin ``work`` in a process of its own, which ends with 0 where it ends well; its id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def ended(child: int) -> int:
    """Wait for a process; its exit code, negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed(work: Callable[[], object], within: float, rng: random.Random) -> bool:
    """Begin ``work`` and kill it -9 within so many seconds; whether it was still at work then."""
    child = forked(work)
    time.sleep(rng.uniform(0.0, within))
    os.kill(child, signal.SIGKILL)
    code = ended(child)
    assert code in (0, -signal.SIGKILL)
    return code != 0
