"""The ranks that this process is one of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ccd.ranks.launched import launched
from ccd.ranks.share import ALONE, Ranks


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
