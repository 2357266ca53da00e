"""Whether ``torchrun`` started this process, asked before torch is imported."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ccd.errors import CcdError

LAST_WORDS = 30
"""Seconds that a rank has for telling why all of them end."""


def launched() -> tuple[int, int]:
    """The rank of this process and how many there are, as ``torchrun`` says; 0 of 1 without it."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return 0, 1
    return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])


@contextmanager
def told_by_the_first() -> Iterator[None]:
    """Let the first rank tell what the block refuses; another one, where the first does not."""
    try:
        yield
    except CcdError as error:
        rank, _ = launched()
        if rank:
            # torchrun ends all once one has ended, so the first one does not refuse this.
            time.sleep(LAST_WORDS)
            raise error.within(f"rank {rank}") from error
        raise
