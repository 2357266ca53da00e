"""Work on a block of rows at a time; where memory runs out, on smaller ones."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch import Tensor

_LOG = logging.getLogger("ccd")
_SIGNS = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")
"""How torch and the libraries below it say so; it has an exception of its own for CUDA only."""
_said: set[str] = set()

T = TypeVar("T")


def by_blocks(rows: Tensor, size: int, work: Callable[[Tensor], T], doing: str) -> Iterator[T]:
    """What ``work`` makes of each block of ``rows [n, ...]``, in order; at least one.

    Where memory does not suffice for a block, the rest goes on with blocks of half the size, which
    is logged once. A single row that is too much raises what ``work`` raised.

    Args:
        rows: Rows, or ids of rows.
        size: Rows of a block at first, at least 1.
        work: Must leave nothing changed where it fails, as it is called again.
        doing: What to call the work in the log, such as ``ranking``.
    """
    start = 0
    while start < max(1, len(rows)):
        block = rows[start : start + size]
        try:
            done = work(block)
        except (MemoryError, RuntimeError) as error:
            if len(block) <= 1 or not is_out_of_memory(error):
                raise
        else:
            yield done
            start += size
            continue
        # Out of the handler, whose traceback would hold what the failed call had allocated.
        size = len(block) // 2
        if doing not in _said:
            _said.add(doing)
            _LOG.warning(
                "note: not enough memory for %s with %s rows at once; going on with %s",
                doing,
                f"{len(block):,}",
                f"{size:,}",
            )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory could not be allocated, on any device."""
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)
