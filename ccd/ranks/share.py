"""What one of several processes does of a batch, a table or a list of users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Share:
    """The rows that a rank works on.

    A mean over them, times ``weight``, is its part of the mean over all rows: the parts of all
    ranks add up to it. That holds as well where every rank works on all rows.

    Attributes:
        rows: Which rows these are; None for all.
        weight: Share of one row's weight in a mean that each of these rows has.
        copies: Ranks that work on these same rows.
    """

    rows: slice | None = None
    weight: float = 1.0
    copies: int = 1

    def of(self, table: Tensor) -> Tensor:
        """These rows of a table that has all."""
        return table if self.rows is None else table[self.rows]

    def part(self, mean: Tensor) -> Tensor:
        """This rank's part of the mean over all rows, given the ``mean`` over these."""
        return mean if self.weight == 1 else self.weight * mean


EVERYTHING = Share()
"""All rows, by one process alone."""


class Ranks:
    """The processes that train a model together: here a single one, which does everything itself.

    Args:
        size: How many there are.
        rank: The number of this one, from 0. The first writes the files and shows what happens.
    """

    def __init__(self, size: int = 1, rank: int = 0) -> None:
        self.size, self.rank = size, rank

    @property
    def whole(self) -> Share:
        """All rows, which every rank then works on."""
        return EVERYTHING if self.size == 1 else Share(None, 1 / self.size, self.size)

    def share(self, n: int) -> Share:
        """This rank's share of ``n`` rows, in the order of the ranks; all of them if n is less."""
        if self.size == 1 or n < self.size:
            return self.whole
        first, end = (n * number // self.size for number in (self.rank, self.rank + 1))
        return Share(slice(first, end), (end - first) / n)

    def share_for(self, part: object, n: int) -> Share:
        """The share of ``n`` rows where ``part`` can be given it, else all of them."""
        return self.share(n) if splits(part) else self.whole

    def gathered(self, share: Share, rows: Tensor, n: int) -> Tensor:
        """The table ``[n, ...]`` of which each rank has computed its ``rows``; differentiable."""
        return rows

    def total(self, parts: Tensor) -> Tensor:
        """The sum of all ranks' parts, each of the same shape."""
        return parts

    def reduce_before_steps(self, optimizer: torch.optim.Optimizer) -> None:
        """Have every step of ``optimizer`` use the sum of all ranks' gradients."""

    def open(self, device: torch.device, timeout: float) -> None:
        """Get ready to work on ``device``.

        Args:
            device: Where the tables are.
            timeout: Seconds after which a rank that does not answer is given up.
        """

    @contextmanager
    def settling(self) -> Iterator[None]:
        """What one rank refuses in the block is refused by all, and told once."""
        yield

    def refuse_differences(self, what: dict[str, str]) -> None:
        """Refuse ranks for which one of these is another text, such as another data set."""

    def tell(self, order: Any) -> None:
        """Tell all other ranks what to do next; by the first rank."""

    def told(self) -> Any:
        """What the first rank tells next; None where it has nothing more to tell."""
        return None


ALONE = Ranks()
"""A process that trains by itself."""


def splits(part: object) -> bool:
    """Whether a part of a model says that it may be given a share of the rows.

    It must say so itself: a class derived from one that does may compute something else.
    """
    return "splits" in vars(type(part)) and bool(part.splits)  # type: ignore[attr-defined]
