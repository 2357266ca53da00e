"""The epochs of a run, grouped by where their hard negatives came from."""

from __future__ import annotations

from collections.abc import Sequence

from ccd.negative_source import NegativeSource
from ccd.runs.records import EpochRecord


def stages(run: Sequence[EpochRecord]) -> list[tuple[NegativeSource, list[EpochRecord]]]:
    """Successive epochs of a run whose negatives have the same source, with that source."""
    found: list[tuple[NegativeSource, list[EpochRecord]]] = []
    for record in run:
        if not found or found[-1][0] != record.source:
            found.append((record.source, []))
        found[-1][1].append(record)
    return found
