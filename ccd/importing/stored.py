"""An imported data set read back: its report, its events with times and values, its other files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ccd.config.files import IMPORT_REPORT
from ccd.datasets.imported import INTERACTIONS, ITEM_ID, ITEMS, LABEL, USER_ID, USERS, read_table
from ccd.errors import ConfigError, DamagedFileError, DataError
from ccd.files import file_hash, read_json
from ccd.importing.events import NO_TIME, Events
from ccd.importing.folder import COLD, TIME, VALUE
from ccd.importing.report import FORMAT, REPORT_KEYS

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Stored:
    """The folder of an import.

    Attributes:
        folder: Where it is.
        report: The content of ``import.json``.
    """

    folder: Path
    report: dict[str, Any]

    @property
    def changed(self) -> list[str]:
        """Files that are not as the import wrote them, and what is wrong with each."""
        found = []
        for name, digest in self.report["files"].items():
            path = self.folder / name
            if not path.is_file():
                found.append(f"{name} is missing")
            elif file_hash(path, unreadable=DataError) != digest:
                found.append(f"{name} was changed")
        return found

    @property
    def feature_files(self) -> dict[str, str]:
        """Modality to file."""
        return {one["name"]: one["file"] for one in self.report["features"]}

    def items(self) -> dict[str, pa.Array]:
        """The columns of ``items.parquet``, as they were before a split marked cold items.

        Raises:
            DamagedFileError: The file is damaged.
        """
        columns = _columns(self.folder / ITEMS)
        table = read_table(self.folder / ITEMS, [name for name in columns if name != COLD])
        return {name: table[name].combine_chunks() for name in table.column_names}

    def cold(self) -> np.ndarray:
        """Which items a split has kept out of training, bool ``[n_items]``.

        Raises:
            DamagedFileError: The file is damaged.
        """
        path = self.folder / ITEMS
        if COLD not in _columns(path):
            return np.zeros(self.report["items"], dtype=bool)
        marked: np.ndarray = read_table(path, [COLD])[COLD].is_valid().to_numpy()
        return marked

    def events(self) -> Events:
        """All interactions with their labels.

        Raises:
            DamagedFileError: A file is damaged.
        """
        import pyarrow as pa

        path = self.folder / INTERACTIONS
        columns, names = [USER_ID, ITEM_ID, LABEL], _columns(path)
        table = read_table(path, [*columns, *(name for name in (TIME, VALUE) if name in names)])
        times = values = None
        if TIME in names:
            times = table[TIME].cast(pa.int64()).fill_null(NO_TIME).to_numpy()
        if VALUE in names:
            values = table[VALUE].fill_null(np.nan).to_numpy()
        users, items, labels = (table[name].to_numpy() for name in columns)
        return Events(
            users, items, times, values, labels,
            read_table(self.folder / USERS, [USER_ID])[USER_ID].combine_chunks(),
            read_table(self.folder / ITEMS, [ITEM_ID])[ITEM_ID].combine_chunks(),
        )  # fmt: skip


def _columns(path: Path) -> list[str]:
    """Names of the columns of a Parquet file."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        names: list[str] = parquet.read_schema(path).names
    except (pa.ArrowException, OSError) as error:
        raise DamagedFileError(
            "this is no whole Parquet file", where=path, hint="import the data set again"
        ) from error
    return names


def open_import(folder: Path) -> Stored:
    """The import in a folder.

    Raises:
        ConfigError: The folder holds none.
        DamagedFileError: Its report is of another version, or incomplete.
    """
    if not (folder / IMPORT_REPORT).is_file():
        raise ConfigError(
            "this folder holds no import (no import.json)",
            where=folder,
            hint="name the folder that 'ccd data import' wrote",
        )
    report = read_json(folder / IMPORT_REPORT)
    missing = sorted(REPORT_KEYS - report.keys())
    if missing or report["format"] != FORMAT:
        found = f"without {', '.join(missing)}" if missing else f"format {report['format']}"
        raise DamagedFileError(
            f"expected the report of an import in format {FORMAT}",
            where=folder / IMPORT_REPORT,
            found=found,
            hint="import the data set again",
        )
    return Stored(folder, report)
