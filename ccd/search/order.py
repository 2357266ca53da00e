"""What a worker of a study is told to do."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from ccd.search.target import Source


@dataclass(frozen=True)
class Order:
    """What a worker needs to know; plain values, so that it can be sent to a process.

    Attributes:
        source: From what the recipe is loaded.
        study: Name of the study.
        storage: Address of the storage, or None for the journal in ``folder``.
        folder: The study's folder.
        until: Unix time after which no trial begins, or None.
    """

    source: Source
    study: str
    storage: str | None
    folder: str
    until: float | None = None

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Order:
        """The inverse of ``to_json``."""
        record: dict[str, Any] = json.loads(text)
        return cls(**{**record, "source": Source.from_json(record["source"])})
