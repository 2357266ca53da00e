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
from ccd.files import read_json, twice, write_json
from ccd.runs.machine import git_commit, machine, peak_rss_mb, versions

MANIFEST_FILE = "manifest.json"
_OF_THE_RECIPE = ("recipe", "variants", "baseline", "seeds", "imports")


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
            "test_openings": before.get("test_openings", 0),
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
            threads: CPU threads of torch.
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
        self._record.update(device=device, engine=engine, threads=threads)
        self._write()

    def count_test_opening(self) -> None:
        """The test split was opened for one more run."""
        openings = read_manifest(self._folder).get("test_openings", 0)
        twice(lambda: self._write(openings + 1))

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

    def _write(self, test_openings: int | None = None) -> None:
        # Other processes may have written since: theirs are kept, and what all count is theirs too.
        there = read_manifest(self._folder)
        others = [*there.pop("earlier", []), *([there] if there else [])]
        self._record["test_openings"] = (
            there.get("test_openings", 0) if test_openings is None else test_openings
        )
        self._record["earlier"] = [one for one in others if one.get("id") != self._record["id"]]
        # Times go with every write, so that a killed process leaves its last known ones.
        self._record["ended"] = _now()
        self._record["seconds"] = round(time.monotonic() - self._clock, 3)
        self._record["peak_rss_mb"] = round(peak_rss_mb(), 1)
        write_json(self._path, self._record)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run folder; empty where there is none, as beside a run copied alone.

    Raises:
        DamagedFileError: It is no JSON object.
    """
    path = folder / MANIFEST_FILE
    return read_json(path) if path.exists() else {}


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
