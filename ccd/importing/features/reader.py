"""What every source of vectors can do: give them in blocks with their ids, and find a row again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ccd.errors import Place
from ccd.importing.features.options import FeatureSource

BLOCK_ELEMENTS = 2**21
"""Numbers of a block, at most: 8 MB as float32."""


@dataclass(frozen=True)
class Block:
    """Some rows of a source.

    Attributes:
        ids: Item ids ``[n]``.
        vectors: Numbers of any type ``[n, dim]``.
        rows: Number of each row in the source, counted from 0 ``[n]``.
        unknown: Ids of further rows, which are no items, so that their vectors were not read.
        empty: Further rows that have no vector, or no id.
    """

    ids: Sequence[str]
    vectors: np.ndarray
    rows: np.ndarray
    unknown: Sequence[str] = ()
    empty: int = 0


class VectorReader(ABC):
    """Vectors of one modality in the order of their source.

    Attributes:
        source: What the user wrote.
        path: The file or folder.
        kind: What it was taken for, such as ``Parquet, column 'emb'``.
        unreadable: Items whose image cannot be read.
    """

    unreadable = 0

    def __init__(self, source: FeatureSource, path: Path, kind: str) -> None:
        self.source, self.path, self.kind = source, path, kind

    @abstractmethod
    def blocks(self, wanted: Container[str]) -> Iterator[Block]:
        """All rows, once, in order.

        Args:
            wanted: The ids of items; the vectors of others need not be read.
        """

    @property
    @abstractmethod
    def size(self) -> int:
        """How much there is to read, in any unit."""

    @property
    @abstractmethod
    def done(self) -> int:
        """How much of ``size`` was read."""

    def place(self, row: int) -> Place:
        """Where row ``row`` is, counted from 0."""
        return Place(str(self.path), note=f"row {row + 1:,}")

    @abstractmethod
    def hashes(self) -> list[tuple[Path, str]]:
        """The files that the vectors are from, with the SHA-256 of each; after all are read."""

    def about(self) -> dict[str, Any]:
        """What the import's report says of a source beside its files; the encoder, for instance."""
        return {}


def rows_per_block(dim: int) -> int:
    """How many vectors make a block."""
    return max(1, BLOCK_ELEMENTS // max(1, dim))
