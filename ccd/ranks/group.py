"""Ranks that are processes of their own, and work together through ``torch.distributed``."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from ccd.errors import CcdError, ConfigError, ResourceError, reason
from ccd.ranks.board import Board
from ccd.ranks.launched import LAST_WORDS
from ccd.ranks.share import Ranks, Share

_SETTING_UP = timedelta(minutes=30)
"""One rank may load data for longer than another."""
_LEFT, _LOST, _REFUSAL, _ORDER = "left", "lost", "refusal/{}", "order/{}"
"""On the board: the first rank has left; somebody tells which rank is lost; what a rank refused;
the first rank tells something now."""


class Group(Ranks):
    """The ranks of a process that ``torchrun`` started; see ``joined``.

    All but ``tell`` and ``told`` is called by all ranks alike, in the same order. Tables meet in
    one way only, their sum, so that all ranks have the same bits afterwards.

    Args:
        store: Through which they find one another.
        board: Where they leave signs of life.
        rank: The number of this one.
        size: How many there are.

    Raises:
        ResourceError: In each of these calls: a rank has ended or does not answer.
    """

    def __init__(self, store: dist.Store, board: Board, rank: int, size: int) -> None:
        super().__init__(size, rank)
        self._board, self._orders = board, 0
        self._timeout = _SETTING_UP.total_seconds()
        self._pids: list[tuple[int, str]] = []
        with self._answered():
            dist.init_process_group(
                "gloo", store=store, rank=rank, world_size=size, timeout=_SETTING_UP
            )
        self._tables = self._control = dist.group.WORLD
        self._pids = self._each((os.getpid(), socket.gethostname()))

    def gathered(self, share: Share, rows: Tensor, n: int) -> Tensor:
        if share.rows is None:
            return rows
        table: Tensor = _Gathered.apply(rows, share.rows, n, self)
        return table

    def total(self, parts: Tensor) -> Tensor:
        with self._answered():
            dist.all_reduce(parts, group=self._tables)
        return parts

    def reduce_before_steps(self, optimizer: torch.optim.Optimizer) -> None:
        optimizer.register_step_pre_hook(lambda *_: self._reduce_gradients(optimizer))

    def _reduce_gradients(self, optimizer: torch.optim.Optimizer) -> None:
        groups = optimizer.param_groups
        weights = [w for group in groups for w in group["params"] if w.requires_grad]
        grads = [w.new_zeros(w.shape) if w.grad is None else w.grad for w in weights]
        # One sum for all, and for how many ranks have a gradient at all: without one the optimiser
        # leaves a weight alone.
        known = torch.tensor([w.grad is not None for w in weights])
        sizes = [w.numel() for w in weights]
        flat = self.total(torch.cat([known.to(grads[0]), *(grad.reshape(-1) for grad in grads)]))
        counts, *sums = flat.split([len(weights), *sizes])
        for weight, count, total in zip(weights, counts.tolist(), sums, strict=True):
            weight.grad = total.view_as(weight) if count else None

    def open(self, device: torch.device, timeout: float) -> None:
        with self.settling():
            if device.index is not None:
                raise ConfigError(
                    "each of several processes takes a GPU of its own",
                    keys=("Experiment.device",),
                    found=f"'{device}'",
                    hint=f"write '{device.type}'",
                )
        self._timeout = timeout
        limit = timedelta(seconds=timeout)
        with self._answered():
            self._tables = self._control = dist.new_group(backend="gloo", timeout=limit)
            if device.type == "cuda":
                self._tables = dist.new_group(backend="nccl", timeout=limit)

    @contextmanager
    def settling(self) -> Iterator[None]:
        error: CcdError | None = None
        try:
            yield
        except CcdError as refused:
            error = refused
        told = self._each(None if error is None else error.to_json())
        first = next((rank for rank, record in enumerate(told) if record is not None), None)
        if first is None:
            return
        if self.rank:
            self._leave()
        raise error or CcdError.from_json(told[first]).within(f"rank {first}")

    def refuse_differences(self, what: dict[str, str]) -> None:
        with self.settling():
            for rank, other in enumerate(self._each(what)):
                different = [name for name, text in what.items() if other[name] != text]
                if different:
                    raise ConfigError(
                        f"rank {rank} has another {' and another '.join(different)} than rank "
                        f"{self.rank}",
                        hint="start the same command, with the same files, on all hosts",
                    )

    def tell(self, order: Any) -> None:
        self._orders += 1
        # One may be busy for long, as when it builds a model: what matters is that it lives.
        for rank in range(1, self.size):
            refusal = _REFUSAL.format(rank)
            if not self._board.wait(
                self._ready(rank), of=rank, unless=refusal, patience=self._timeout
            ):
                raise self._lost("it gives no sign of life")
        self._board.write(_ORDER.format(self._orders), True)
        with self._answered():
            dist.broadcast_object_list([order], src=0, group=self._control)

    def told(self) -> Any:
        self._orders += 1
        self._board.write(self._ready(self.rank), True)
        order = _ORDER.format(self._orders)
        if not self._board.wait(order, of=0, unless=_LEFT, patience=self._timeout):
            if self._board.read(_LEFT) is None:
                raise self._lost("it gives no sign of life")
            return None
        told: list[Any] = [None]
        with self._answered():
            dist.broadcast_object_list(told, src=0, group=self._control)
        return told[0]

    def _ready(self, rank: int) -> str:
        return f"ready/{self._orders}/{rank}"

    def close(self, error: BaseException | None) -> None:
        """Leave the others, who end as well.

        Args:
            error: What makes this rank leave; None where its work is done. What the first rank
                cannot know of another one is left for it to tell.
        """
        if self.rank == 0:
            self._board.write(_LEFT, True)
        elif isinstance(error, CcdError) and self._board.read(_LOST) is None:
            self._board.write(_REFUSAL.format(self.rank), error.to_json())
            self._leave()
        self._board.close()
        dist.destroy_process_group()

    def _each(self, value: Any) -> list[Any]:
        """What every rank gives, by rank."""
        found: list[Any] = [None] * self.size
        with self._answered():
            dist.all_gather_object(found, value)
        return found

    @contextmanager
    def _answered(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise self._lost(reason(error)) from error

    def _lost(self, why: str) -> CcdError:
        """The refusal of going on without a rank, by the first of those that are left.

        Those of this host that hang are ended once it is told, since ``torchrun`` would wait for
        them.
        """
        with suppress(ValueError):  # this is a thread of autograd's, on a GPU
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # torchrun's, which would cut this short
        silent = self._board.silent()
        others_tell = self.rank != min({*range(self.size)} - silent, default=self.rank)
        if others_tell or self._board.read(_LEFT) is not None:
            self._leave()
        self._board.write(_LOST, True)
        known = {rank: self._pids[rank] for rank in sorted(silent) if self._pids}
        for pid, host in known.values():
            if host == socket.gethostname():
                atexit.register(_kill, pid)
        for rank in range(self.size):
            if (record := self._board.read(_REFUSAL.format(rank))) is not None:
                return CcdError.from_json(record).within(f"rank {rank}")
        names = [
            f"rank {rank} (process {known[rank][0]} on {known[rank][1]})"
            if rank in known
            else f"rank {rank}"
            for rank in sorted(silent)
        ]
        return ResourceError(
            f"{' and '.join(names) or 'one'} of {self.size} ranks has ended or does not answer",
            details=() if silent else (why,),
            hint=f"the same command goes on from the last checkpoint; a rank is given up after "
            f"Experiment.rank_timeout = {self._timeout:g} seconds",
        )

    def _leave(self) -> None:
        """End this process without a word: another one tells why.

        ``torchrun`` ends all as soon as one has ended, which would cut the other's words short. So
        this one waits to be ended, for as long as a slow machine may need to write a message.
        """
        with suppress(ValueError):  # as in _lost
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        time.sleep(LAST_WORDS)
        os._exit(ResourceError.exit_code)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class _Gathered(torch.autograd.Function):
    """The rows of all ranks; the gradient of a row is the sum of what all ranks give it."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, place: slice, n: int, group: Group) -> Tensor:
        ctx.place, ctx.group = place, group
        table = rows.new_zeros(n, *rows.shape[1:])
        table[place] = rows
        return group.total(table)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        return (
            ctx.group.total(grad.clone(memory_format=torch.contiguous_format))[ctx.place],
            None,
            None,
            None,
        )
