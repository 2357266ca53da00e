"""Processes that die at a chosen one of their calls to the disk, without a chance to tidy up."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from tests.faults.processes import ended, forked

CALLS = (
    "fsync", "replace", "rename", "unlink", "rmdir", "write", "truncate", "ftruncate", "link",
    "mkdir",
)  # fmt: skip
"""Functions of ``os`` through which files change."""
CRASHED = 70


def crash_points(work: Callable[[], object], *, every: int = 1) -> Iterator[int]:
    """Do ``work`` in a process that dies before its first call to the disk, then its second, ...

    Of a write, the half is done. Between two crashes the caller looks at what was left.

    Args:
        work: What to do; it ends the process's part of the test.
        every: Take each so-manyth call only.

    Yields:
        The number of the call that was not made.
    """
    number = 0
    while (code := _died(work, number)) == CRASHED:
        yield number
        number += every
    assert code == 0, f"call {number}: it ended with code {code}"


def _died(work: Callable[[], object], number: int) -> int:
    def counted() -> None:
        _Countdown(number)
        work()

    return ended(forked(counted))


class _Countdown:
    """Ends this process before a call to the disk."""

    def __init__(self, left: int) -> None:
        self._left = left
        for name in CALLS:
            setattr(os, name, self._counted(name, getattr(os, name)))

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left < 0:
                if name == "write" and len(args[1]) > 1:
                    call(args[0], args[1][: len(args[1]) // 2])
                os._exit(CRASHED)
            # Being on the disk in time is not what a test can see, and takes most of its time.
            return None if name == "fsync" else call(*args, **options)

        return counted
