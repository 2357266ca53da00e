"""The ranks that this process is one of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ccd.ranks.share import ALONE, Ranks


def launched() -> tuple[int, int]:
    """The rank of this process and how many there are, as ``torchrun`` says; 0 of 1 without it."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return 0, 1
    return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])


@contextmanager
def joined() -> Iterator[Ranks]:
    """The ranks of this process: those that ``torchrun`` started with it, else itself alone.

    Raises:
        ResourceError: One of them has ended or does not answer.
    """
    rank, size = launched()
    if size == 1:
        yield ALONE
        return
    import torch.distributed as dist

    from ccd.devices import take_device
    from ccd.ranks.board import Board
    from ccd.ranks.group import Group

    take_device(int(os.environ["LOCAL_RANK"]))
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = dist.TCPStore(host, port, is_master=False, wait_for_workers=False)
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    group = Group(Board(dist.PrefixStore(f"ccd/{attempt}", store), rank, size))
    try:
        yield group
    except BaseException as error:
        group.close(error)
        raise
    group.close(None)
