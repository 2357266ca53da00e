"""``import.json``: what was imported from which bytes, and everything that was left out and why."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ccd import __version__
from ccd.config.files import IMPORT_REPORT
from ccd.datasets.interactions import SPLITS
from ccd.errors import DataError
from ccd.files import file_hash, write_json
from ccd.importing.columns import Roles
from ccd.importing.sources import Source

FORMAT = 1
"""Version of the folder."""
REPORT_KEYS = {"format", "name", "files", "features", "options", "dropped", "item_name", "items"}
"""What readers of a report rely on."""


def source_records(
    events: Sequence[tuple[Source, Roles]], items: Sequence[Source], time_units: dict[str, str]
) -> list[dict[str, Any]]:
    """What each source was taken for, with its hash."""
    found = []
    for source, roles in events:
        columns = {
            role: getattr(roles, role)
            for role in ("user", "item", "time", "value", "label")
            if getattr(roles, role) is not None
        }
        record = {**_file(source), "columns": columns, "guessed": list(roles.guessed)}
        unit = time_units.get(source.place(None).file)
        found.append(record | ({"times": unit} if unit else {}))
    return found + [_file(source) for source in items]


def _file(source: Source) -> dict[str, Any]:
    record: dict[str, Any] = {"path": source.place(None).file, "kind": source.kind}
    if not source.in_memory:
        digest = file_hash(source.path, unreadable=DataError)
        record |= {"bytes": source.path.stat().st_size, "sha256": digest}
    return record


def split_sizes(labels: np.ndarray) -> dict[str, int]:
    """Split to its number of events."""
    return {split: int((labels == label).sum()) for label, split in enumerate(SPLITS)}


def versions() -> dict[str, str]:
    """Versions of what decides the bytes that are written."""
    import pyarrow as pa

    return {"ccd": __version__, "python": platform.python_version(), "numpy": np.__version__,
            "pyarrow": pa.__version__}  # fmt: skip


def write_report(folder: Path, report: dict[str, Any]) -> dict[str, Any]:
    """Write ``import.json`` with the hashes of the other files; returns its content."""
    files = {path.name: file_hash(path, unreadable=DataError) for path in sorted(folder.iterdir())}
    whole = {"format": FORMAT, **report, "files": files}
    write_json(folder / IMPORT_REPORT, whole)
    return whole
