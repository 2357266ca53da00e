"""What training asks of its process: threads, and memory that stays with it between steps."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Parameters of glibc's mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEEP = 2**30
_USUAL = 2**25
"""What glibc itself raises the second to, at most, as tables are freed; the first to twice that.

Once set it is raised no more, so the lower value of a new process would slow down what follows."""


@contextmanager
def cpu_threads(number: int) -> Iterator[None]:
    """CPU threads of torch for the block; 0 leaves torch's choice."""
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def kept_memory() -> Iterator[None]:
    """Freed tables stay with the process for the block, and go back to the system after it.

    Every step allocates and frees the same large tables. glibc asks the system for each of them
    anew, which clears its pages: on 200,000 users and items that was more than half of a step.
    Where the C library is another one nothing changes.
    """
    library = ctypes.CDLL(None)
    mallopt, trim = (getattr(library, name, None) for name in ("mallopt", "malloc_trim"))
    if mallopt is None or trim is None:
        yield
        return
    if not mallopt(_MMAP_THRESHOLD, _KEEP):  # early releases refuse more than their own limit
        mallopt(_MMAP_THRESHOLD, _USUAL)
    mallopt(_TRIM_THRESHOLD, _KEEP)
    try:
        yield
    finally:
        mallopt(_MMAP_THRESHOLD, _USUAL)
        mallopt(_TRIM_THRESHOLD, 2 * _USUAL)
        trim(0)
