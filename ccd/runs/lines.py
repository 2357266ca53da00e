"""The lines of one run in the files that the runs of a folder share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ccd.files import json_line, read_lines, write_text
from ccd.runs.sealed import unsealed


def epochs_of(path: Path, variant: str, seed: int) -> list[int]:
    """The epochs of one run that are on record in ``history.jsonl``.

    Raises:
        DamagedFileError: A line is not JSON, or one of the run is not what was written.
    """
    own = [line for line in read_lines(path) if _is_of(line, variant, seed)]
    return [unsealed(line, path).get("epoch", -1) for line in own]


def forget(path: Path, variant: str, seed: int, epochs: int = 0) -> None:
    """Drop the lines of one run, but those of its first ``epochs``."""
    lines = read_lines(path)
    kept = [
        line
        for line in lines
        if not _is_of(line, variant, seed) or line.get("epoch") in range(epochs)
    ]
    if len(kept) < len(lines):
        write_text(path, "".join(json_line(record) + "\n" for record in kept))


def _is_of(line: dict[str, Any], variant: str, seed: int) -> bool:
    return (line.get("variant"), line.get("seed")) == (variant, seed)
