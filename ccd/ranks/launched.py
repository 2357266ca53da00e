"""Whether ``torchrun`` started this process, asked before torch is imported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ccd.errors import CcdError


def launched() -> tuple[int, int]:
    """The rank of this process and how many there are, as ``torchrun`` says; 0 of 1 without it."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return 0, 1
    return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])


@contextmanager
def told_by_the_first() -> Iterator[None]:
    """End without a word where the block refuses what the first rank refuses as well."""
    try:
        yield
    except CcdError as error:
        if launched()[0]:
            os._exit(error.exit_code)
        raise
