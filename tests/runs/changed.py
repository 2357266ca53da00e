"""Files of a run folder that a test changes, as if ccd itself had written them so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ccd.files import file_hash
from ccd.runs.folder import RUN_FILE
from ccd.runs.sealed import sealed


def seal(path: Path) -> None:
    """Make the checksum of a file that a test has written fit again."""
    if path.suffix == ".jsonl":
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps(_sealed(line)) + "\n" for line in lines))
    elif path.suffix == ".json":
        path.write_text(json.dumps(_sealed(json.loads(path.read_text()))))
    else:
        about = path.with_name(RUN_FILE)
        record = json.loads(about.read_text())
        record["files"][path.name] = file_hash(path)
        about.write_text(json.dumps(_sealed(record)))


def _sealed(record: dict[str, Any]) -> dict[str, Any]:
    record.pop("checksum", None)
    return sealed(record)
