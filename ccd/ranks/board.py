"""A board that all ranks see: signs of life, and short messages."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from torch.distributed import Store

_BEAT = 0.5
"""Seconds between two signs of life."""


class Board:
    """Messages by name in a store, and a thread that says all the time that this rank lives.

    It lives where the store does: in ``torchrun``, which outlives every rank.

    Args:
        store: The store; one connection, which nothing else uses.
        rank: This rank.
        size: How many there are.
    """

    def __init__(self, store: Store, rank: int, size: int) -> None:
        self._store, self._rank, self._size = store, rank, size
        self._lock, self._ended = threading.Lock(), threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def write(self, name: str, value: Any) -> None:
        """Put ``value``, which JSON can hold, up under ``name``."""
        with self._lock:
            self._store.set(name, json.dumps(value))

    def read(self, name: str) -> Any:
        """What is up under ``name``; None where there is nothing."""
        with self._lock:
            return json.loads(self._store.get(name)) if self._store.check([name]) else None

    def wait(self, name: str, *, of: int, unless: str, patience: float) -> bool:
        """Whether there is something under ``name``; waits for it as long as rank ``of`` lives.

        Args:
            name: What is waited for.
            of: Who is to write it.
            unless: The name of what says that it will not.
            patience: Seconds for which that rank may give no sign of life.
        """
        beat, since = self._beats(of), time.monotonic()
        while self.read(name) is None:
            if self.read(unless) is not None or time.monotonic() - since > patience:
                return False
            time.sleep(0.005)
            if (now := self._beats(of)) != beat:
                beat, since = now, time.monotonic()
        return True

    def silent(self) -> set[int]:
        """The ranks that give no sign of life for four beats."""
        before = [self._beats(rank) for rank in range(self._size)]
        time.sleep(4 * _BEAT)
        return {rank for rank in range(self._size) if self._beats(rank) == before[rank]}

    def close(self) -> None:
        """Give no more signs of life."""
        self._ended.set()

    def _beats(self, rank: int) -> int:
        return self.read(f"beat/{rank}") or 0

    def _beat(self) -> None:
        number = 0
        while not self._ended.wait(_BEAT):
            number += 1
            try:
                self.write(f"beat/{self._rank}", number)
            except RuntimeError:  # torchrun has ended, and ends this process too
                return
