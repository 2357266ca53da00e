"""The ranks that this process is one of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from ccd.ranks.launched import launched
from ccd.ranks.share import ALONE, Ranks

_RUNS = count()
"""Of this process: a program may train one recipe after the other."""


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
    # The store outlives a run, and a start of these processes: nothing old is to be found in it.
    place = f"ccd/{os.environ['TORCHELASTIC_RESTART_COUNT']}/{next(_RUNS)}"

    def connected(name: str) -> dist.Store:
        store = dist.TCPStore(host, port, is_master=False, wait_for_workers=False)
        return dist.PrefixStore(f"{place}/{name}", store)

    # A connection each: the first one waits for others, the second gives signs of life meanwhile.
    board = Board(connected("board"), rank, size)
    group = Group(connected("group"), board, rank, size)
    try:
        yield group
    except BaseException as error:
        group.close(error)
        raise
    group.close(None)
