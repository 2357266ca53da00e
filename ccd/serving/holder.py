"""The model that is being served, exchanged in one step while requests run."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from ccd.errors import CcdError, reason
from ccd.serving.layout import MANIFEST_FILE
from ccd.serving.lists import Lists
from ccd.serving.vectors import open_vectors


@dataclass(frozen=True)
class Loaded:
    """A model in memory.

    Attributes:
        lists: Answers requests.
        since: When it was loaded, in seconds since 1970.
        mark: What told its manifest from an older or newer one.
    """

    lists: Lists
    since: float
    mark: tuple[int, int]


class Holder:
    """Holds the newest whole model of an exported folder.

    A request takes ``current`` once and keeps it to its end. What cannot be loaded changes
    nothing: the old model goes on serving, and ``problem`` says why.

    Args:
        folder: The exported folder.
        every: Seconds between two looks for a new export.
    """

    def __init__(self, folder: Path, *, every: float) -> None:
        self.folder, self.every = folder, every
        self.current = self._load()
        self.problem: str | None = None
        self.n_reloads = 0
        self._stop = threading.Event()

    def refresh(self) -> bool:
        """Load the folder's export if it is another than the current one; whether it was."""
        try:
            if self._mark() == self.current.mark:
                return False
            self.current = self._load()
        except CcdError as error:
            self.problem = error.to_json()["message"]
            return False
        except OSError as error:
            self.problem = f"{self.folder}: {reason(error)}"
            return False
        self.problem = None
        self.n_reloads += 1
        return True

    def watch(self) -> None:
        """Look for a new export now and then, in a thread of its own, until ``close``."""
        threading.Thread(target=self._watch, name="ccd-reload", daemon=True).start()

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(self.every):
            self.refresh()

    def _load(self) -> Loaded:
        mark = self._mark()
        return Loaded(Lists(open_vectors(self.folder)), time.time(), mark)

    def _mark(self) -> tuple[int, int]:
        found = (self.folder / MANIFEST_FILE).stat()
        return found.st_ino, found.st_mtime_ns
