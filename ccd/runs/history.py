"""The epochs of a run, as ``history.jsonl`` keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]
"""One line of ``history.jsonl``."""


def stages(run: Sequence[Record]) -> list[tuple[str, list[Record]]]:
    """Successive epochs that drew from the same pool, with its name."""
    found: list[tuple[str, list[Record]]] = []
    for record in run:
        if not found or found[-1][0] != record["pool"]:
            found.append((record["pool"], []))
        found[-1][1].append(record)
    return found
