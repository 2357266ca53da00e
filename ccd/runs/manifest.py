"""``manifest.json``: with what, on what and how long a run folder was made."""

from __future__ import annotations

import math
import secrets
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import ccd
from ccd.datasets.dataset import Dataset
from ccd.files import file_hash, read_json_value, twice, write_json
from ccd.runs.machine import git_commit, machine, peak_rss_mb, versions
from ccd.runs.sealed import check_values, refuse_changed, sealed, unsealed

MANIFEST_FILE = "manifest.json"
_KINDS = {
    **dict.fromkeys(("versions", "machine", "data"), dict[str, Any]),
    "files": dict[str, str],
    "earlier": list[dict[str, Any]],
    **dict.fromkeys(("variants", "imports"), list[str]),
    "seeds": list[int],
    "baseline": str | None,
    "test_openings": int,
}
"""What readers of a manifest rely on."""
_OWN = {"ccd_commit", "peak_rss_mb", "test_openings", "versions"}
"""Keys that together are in no other program's manifest."""
_OF_THE_RECIPE = ("recipe", "variants", "baseline", "seeds", "imports")
_SHARED: dict[str, Any] = {"test_openings": 0, "files": {}}
"""What is the folder's and not one process's, before any has written it."""


class Manifest:
    """The manifest of a run folder, on disk after every change.

    It describes the process that wrote last; those before it are kept under ``earlier``, so a
    folder that was filled in several goes tells about all of them. Several processes may do so at
    once; each calls a method while it holds the folder's lock.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / MANIFEST_FILE
        self._folder, before = folder, read_manifest(folder)
        self._clock = time.monotonic()
        self._record: dict[str, Any] = {
            "id": secrets.token_hex(4),
            "status": "running",
            "error": None,
            "started": _now(),
            "ended": None,
            "seconds": None,
            "peak_rss_mb": None,
            "command": list(sys.argv),
            "versions": versions(),
            "machine": machine(),
            "ccd_commit": git_commit(Path(ccd.__file__).resolve().parents[1]),
            # Readers rely on these, also where this process fails before it knows its own.
            **{key: before[key] for key in _OF_THE_RECIPE if key in before},
        }
        self._write()

    @property
    def test_openings(self) -> int:
        """How often the test split was opened for this folder: once per finished run."""
        return int(self._record["test_openings"])

    def describe(
        self,
        *,
        recipe: str,
        variants: Sequence[str],
        baseline: str | None,
        seeds: Sequence[int],
        imports: Sequence[str],
        dataset: Dataset,
        device: str,
        engine: str,
        threads: int,
        processes: int = 1,
        made_from: str | None = None,
    ) -> None:
        """Add what is known once the data are loaded and the device is chosen.

        Args:
            recipe: Name of the recipe.
            variants: Names of its variants, in its order.
            baseline: The variant that the others are compared with, or None.
            seeds: Those that its files in the folder name.
            imports: Python modules that it imports.
            dataset: Its fingerprint and notes are kept.
            device: Such as ``cpu`` or ``cuda:0``.
            engine: Message passing engine, such as ``dgl``.
            threads: CPU threads of torch, in each process.
            processes: How many train each run together.
            made_from: The option and folder of the runs that these are made from, if any.
        """
        self._record["recipe"] = recipe
        self._record["variants"], self._record["baseline"] = list(variants), baseline
        self._record["seeds"], self._record["imports"] = list(seeds), list(imports)
        self._record["data"] = {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "n_users": dataset.n_users,
            "n_items": dataset.n_items,
            "n_interactions": dataset.n_interactions,
            "notes": list(dataset.notes),
        }
        self._record.update(device=device, engine=engine, threads=threads, processes=processes)
        self._record["made_from"] = made_from
        self._write()

    def keep_digest(self, name: str) -> None:
        """Remember the digest of a file that was written into the folder, or that it is gone."""
        path, files = self._path.with_name(name), dict(read_manifest(self._folder).get("files", {}))
        files.pop(name, None)
        if path.exists():
            files[name] = file_hash(path)
        self._write(files=files)

    def count_test_opening(self) -> None:
        """The test split was opened for one more run."""
        openings = read_manifest(self._folder).get("test_openings", 0)
        twice(lambda: self._write(test_openings=openings + 1))

    def note_checkpoint(self, size: int) -> None:
        """The largest checkpoint of a run had so many bytes."""
        if size > self._record.get("checkpoint_mb", 0.0) * 1e6:
            self._record["checkpoint_mb"] = math.ceil(size / 1e4) / 100
            self._write()

    def close(self, status: str, error: dict[str, str] | None = None) -> None:
        """Write down the end.

        Args:
            status: ``finished``, ``stopped`` or ``failed``.
            error: Of a failure, the exception's ``kind`` and ``message``.
        """
        self._record.update(status=status, error=error)
        self._write()

    def _write(self, **shared: Any) -> None:
        # Other processes may have written since: theirs are kept, and what is the folder's.
        there = read_manifest(self._folder)
        others = [*there.pop("earlier", []), *([there] if there else [])]
        self._record |= {key: there.get(key, first) for key, first in _SHARED.items()} | shared
        self._record["earlier"] = [one for one in others if one.get("id") != self._record["id"]]
        # Times go with every write, so that a killed process leaves its last known ones.
        self._record["ended"] = _now()
        self._record["seconds"] = round(time.monotonic() - self._clock, 3)
        self._record["peak_rss_mb"] = round(peak_rss_mb(), 1)
        write_json(self._path, sealed(self._record))


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run folder; empty where ccd wrote none, as beside a run copied alone.

    Raises:
        DamagedFileError: It is not JSON, or not what was written.
        ResourceError: It cannot be read.
    """
    path = folder / MANIFEST_FILE
    found = read_json_value(path) if path.exists() else None
    # Other programs have files of that name too. Not all keys: one of ccd's may be damaged.
    if not isinstance(found, dict) or len(_OWN & found.keys()) < 2:
        return {}
    record = unsealed(found, path)
    check_values(record, _KINDS, path, "bring it back from a copy")
    return record


def refuse_changed_top(path: Path) -> None:
    """Refuse a file beside a manifest that is not as it was written.

    Raises:
        DamagedFileError: It was damaged or changed since.
        ResourceError: It cannot be read.
    """
    files = read_manifest(path.parent).get("files", {})
    refuse_changed(path, files, "bring it back from a copy, or run the recipe again")


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
