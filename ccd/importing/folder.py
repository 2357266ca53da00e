"""The folder of an imported data set: written whole beside its place, then moved there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ccd.beside import writing_beside
from ccd.config.files import IMPORT_REPORT
from ccd.datasets.imported import INTERACTIONS, ITEM_ID, LABEL, USER_ID, USERS
from ccd.errors import ConfigError, DamagedFileError, reading
from ccd.files import read_json, refusing_io
from ccd.importing.events import NO_TIME, Events
from ccd.importing.report import REPORT_KEYS

if TYPE_CHECKING:
    import pyarrow as pa

TIME, VALUE = "time", "value"
_OLD_REPORT = f"{IMPORT_REPORT}.old"
"""The report of an import while its files are replaced; a crash may leave it."""
COLD = "x_cold"
"""Column of the items that a split keeps out of training: the only split that they are in."""
_ROWS_PER_GROUP = 2**20


@contextmanager
def new_folder(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield an empty folder beside ``out``, which becomes ``out`` when the block ends well.

    Args:
        out: The folder to make.
        overwrite: Whether files of an earlier import in it are replaced; others stay.

    Raises:
        ConfigError: ``out`` is there and may not be replaced.
        ResourceError: It cannot be written.
    """
    refuse_taken(out, overwrite=overwrite)
    with writing_beside(out, partial(_move, out=out)) as made:
        yield made


def refuse_taken(out: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds something, unless it is an import that may be replaced.

    Raises:
        ConfigError: It does.
    """
    with reading(out, ConfigError):
        if not out.exists() or (out.is_dir() and not any(out.iterdir())):
            return
    if not _is_import(out):
        raise ConfigError(
            f"--out {out} is there already and is no import",
            keys=("--out",),
            hint="choose another folder",
        )
    if not overwrite:
        raise ConfigError(
            f"--out {out} holds an import already",
            keys=("--out",),
            hint="choose another folder, or replace it with --overwrite",
        )


def _is_import(out: Path) -> bool:
    """Whether ccd imported something into a folder; other programs have files of that name too."""
    return any(_is_report(out / name) for name in (IMPORT_REPORT, _OLD_REPORT))


def _is_report(path: Path) -> bool:
    try:
        return path.is_file() and read_json(path).keys() >= REPORT_KEYS
    except DamagedFileError:
        return False


def _move(made: Path, out: Path) -> None:
    if not out.exists() or not any(out.iterdir()):
        if out.exists():
            out.rmdir()
        os.replace(made, out)
        return
    # The report goes first and comes last: a folder without one is no import.
    if (out / IMPORT_REPORT).exists():
        os.replace(out / IMPORT_REPORT, out / _OLD_REPORT)
    for name in read_json(out / _OLD_REPORT).get("files", {}):
        if Path(name).name == name and not (made / name).exists():
            (out / name).unlink(missing_ok=True)
    for path in sorted(made.iterdir(), key=lambda path: path.name == IMPORT_REPORT):
        os.replace(path, out / path.name)
    (out / _OLD_REPORT).unlink()


def write_events(folder: Path, events: Events, labels: np.ndarray) -> None:
    """Write the interactions and the ids of users."""
    import pyarrow as pa

    columns = {
        USER_ID: pa.array(events.users),
        ITEM_ID: pa.array(events.items),
        LABEL: pa.array(labels),
    }
    if events.times is not None:
        unknown = events.times == NO_TIME
        mask = unknown if unknown.any() else None
        columns[TIME] = pa.array(events.times, pa.timestamp("us"), mask=mask)
    if events.values is not None:
        columns[VALUE] = pa.array(events.values, from_pandas=True)
    write_table(folder / INTERACTIONS, columns)
    write_table(folder / USERS, {USER_ID: events.user_ids})


def write_table(path: Path, columns: Mapping[str, pa.Array]) -> None:
    """Write a Parquet file, the same bytes for the same columns."""
    import pyarrow as pa
    from pyarrow import parquet

    with refusing_io(path):
        table = pa.table(dict(columns))
        parquet.write_table(table, path, compression="zstd", row_group_size=_ROWS_PER_GROUP)


def gin_text(report: Mapping[str, Any], features: Mapping[str, str]) -> str:
    """The gin file that makes a folder a data set."""
    name, called = report["name"], report["item_name"]
    lines = [
        f"# {name}: {report['users']:,} users x {report['items']:,} items, "
        f"{report['events']:,} interactions.",
        "# Written by 'ccd data import'; import.json says from what and how.",
        "",
        "Experiment.dataset = @imported_dataset",
        "",
        "imported_dataset:",
        f"  name      = {name!r}",
        f"  features  = {dict(features)!r}",
        *([f"  item_name = {called!r}"] if called is not None else []),
    ]
    return "\n".join(lines) + "\n"
