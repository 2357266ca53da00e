"""The epochs of a run, grouped by where their hard negatives came from."""

from __future__ import annotations

from collections.abc import Sequence

from ccd.negative_source import NegativeSource
from ccd.runs.records import EpochRecord

MEASURES = (
    *(
        f"{whose}_to_{to}_{quantile}"
        for whose in ("hard", "random")
        for to in ("positive", "user")
        for quantile in (10, 50, 90)
    ),
    *(f"{whose}_{share}" for whose in ("hard", "random") for share in ("false", "repeats")),
    "hard_gradient",
)
"""What ccd's own probe records of an epoch's negatives; a probe of one's own may lack some."""


def stages(run: Sequence[EpochRecord]) -> list[tuple[NegativeSource, list[EpochRecord]]]:
    """Successive epochs of a run whose negatives have the same source, with that source."""
    found: list[tuple[NegativeSource, list[EpochRecord]]] = []
    for record in run:
        if not found or found[-1][0] != record.source:
            found.append((record.source, []))
        found[-1][1].append(record)
    return found
