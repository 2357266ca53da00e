"""Rows of a source matched to items by id: every row is counted, and no item gets another's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ccd.errors import DataError
from ccd.importing.features.options import FeaturePolicy
from ccd.importing.features.reader import Block, VectorReader
from ccd.suggestions import lost_zeros

NONE, GOOD, ZERO, CONSTANT, NON_FINITE = range(5)
"""What is known of an item's vector."""
_SHOWN = 3


@dataclass
class Counts:
    """Rows of a source that are no item's vector.

    Attributes:
        rows: All of them.
        unknown_ids: Rows whose id is no item.
        duplicates: Rows whose id was there before.
        empty: Rows without a vector or without an id.
    """

    rows: int = 0
    unknown_ids: int = 0
    duplicates: int = 0
    empty: int = 0


@dataclass
class Alignment:
    """Puts the rows of one source where their items are.

    Args:
        reader: The source.
        item_ids: Ids of the items, by position.
        policy: What to do with rows that are not as they should be.

    Attributes:
        state: What is known of the vector of each item: ``GOOD``, ``ZERO``, ... ``[n_items]``.
        counts: Rows by what became of them.
    """

    reader: VectorReader
    item_ids: Sequence[str]
    policy: FeaturePolicy
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        self._place = {text: position for position, text in enumerate(self.item_ids)}
        self._unknown: list[str] = []
        self.state = np.zeros(len(self.item_ids), dtype=np.uint8)

    def has_vector(self) -> np.ndarray:
        """Which items have a vector that counts ``[n_items]``."""
        constant = (self.state == CONSTANT) & (self.policy.constant == "keep")
        return (self.state == GOOD) | constant

    def aligned(self, block: Block) -> tuple[np.ndarray, np.ndarray]:
        """Positions of items ``[m]`` and their vectors ``[m, dim]``, float32 or float16.

        Raises:
            DataError: A row is not as it should be, and the policy is to refuse it, or a number
                is too large or too small for float16.
        """
        positions = np.fromiter((self._place.get(i, -1) for i in block.ids), np.int64)
        strangers = [*block.unknown]
        strangers += [block.ids[at] for at in np.flatnonzero(positions < 0).tolist()]
        self._unknown += strangers[: _SHOWN - len(self._unknown)]
        self.counts.rows += len(block.ids) + len(block.unknown) + block.empty
        self.counts.unknown_ids += len(strangers)
        self.counts.empty += block.empty
        chosen = np.flatnonzero(positions >= 0)
        chosen = chosen[self._once(positions[chosen], chosen, block)]
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is not finite
            vectors = np.asarray(block.vectors)[chosen].astype(np.float32, copy=False)
        state = self._judged(vectors, block, chosen)
        self.state[positions[chosen]] = state
        written = vectors
        if self.policy.float16:
            with np.errstate(over="ignore"):
                written = vectors.astype(np.float16)
            self._refuse_lossy(vectors, written, state, block, chosen)
        bad = (state == NON_FINITE) | ((state == CONSTANT) & (self.policy.constant == "missing"))
        if bad.any():
            written = np.where(bad[:, None], np.zeros((), written.dtype), written)
        return positions[chosen], written

    def refuse_strangers(self) -> None:
        """Refuse a source none of whose ids is an item.

        Raises:
            DataError: So it is.
        """
        if self.state.any() or not self.counts.unknown_ids:
            return
        name = self.reader.source.name
        raise DataError(
            f"none of the {self.counts.unknown_ids:,} ids of {name} vectors is an item",
            where=self.reader.path,
            keys=(self.reader.source.option,),
            found=", ".join(map(repr, self._unknown)),
            details=[f"items are {', '.join(map(repr, self.item_ids[:_SHOWN]))}, ..."],
            hint=lost_zeros(self._unknown, self.item_ids) or "name the items as the events do",
        )

    def _once(self, positions: np.ndarray, rows: np.ndarray, block: Block) -> np.ndarray:
        """Which of the rows count, each item's at most once, in ascending order."""
        last = self.policy.duplicates == "last"
        _, first = np.unique(positions[::-1] if last else positions, return_index=True)
        first = np.sort(len(positions) - 1 - first if last else first)
        seen = self.state[positions] != NONE
        again = seen.copy()
        again[np.setdiff1d(np.arange(len(positions)), first)] = True
        self.counts.duplicates += int(again.sum())
        if again.any() and self.policy.duplicates == "refuse":
            row = int(rows[again.argmax()])
            raise DataError(
                f"item {block.ids[row]!r} has a second {self.reader.source.name} vector",
                where=self.reader.place(int(block.rows[row])),
                keys=("--duplicate-features",),
                hint="remove one, or write --duplicate-features first or last",
            )
        return first if last else first[~seen[first]]

    def _judged(self, vectors: np.ndarray, block: Block, rows: np.ndarray) -> np.ndarray:
        """The state of each vector ``[m]``."""
        finite = np.isfinite(vectors).all(axis=1)
        state = np.full(len(vectors), GOOD, dtype=np.uint8)
        if vectors.shape[1] > 1:
            state[(vectors == vectors[:, :1]).all(axis=1)] = CONSTANT
        state[~vectors.any(axis=1)] = ZERO
        state[~finite] = NON_FINITE
        name = self.reader.source.name
        for bad, policy, option, what in (
            (
                NON_FINITE,
                self.policy.non_finite,
                "--non-finite-features",
                "has a NaN or an infinity",
            ),
            (CONSTANT, self.policy.constant, "--constant-features", "is one number throughout"),
        ):
            if policy == "refuse" and (state == bad).any():
                at = int((state == bad).argmax())
                finds = vectors[at] if bad == CONSTANT else vectors[at][~np.isfinite(vectors[at])]
                raise DataError(
                    f"the {name} vector of item {block.ids[rows[at]]!r} {what}",
                    where=self.reader.place(int(block.rows[rows[at]])),
                    keys=(option,),
                    found=f"{finds[0]}",
                    hint=f"correct it, or write {option} missing to take such items as having none",
                )
        return state

    def _refuse_lossy(
        self,
        vectors: np.ndarray,
        written: np.ndarray,
        state: np.ndarray,
        block: Block,
        rows: np.ndarray,
    ) -> None:
        lost = np.isinf(written).any(axis=1) | ~written.any(axis=1)
        lost &= (state == GOOD) | (state == CONSTANT)
        if lost.any():
            at = int(lost.argmax())
            largest = np.abs(vectors[at]).max()
            raise DataError(
                f"the {self.reader.source.name} vector of item {block.ids[rows[at]]!r} does not "
                "fit into float16",
                where=self.reader.place(int(block.rows[rows[at]])),
                keys=("--float16",),
                found=f"{largest:g} as its largest number",
                hint="leave out --float16, or scale the vectors",
            )
