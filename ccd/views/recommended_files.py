"""Recommendations as a file: Parquet and CSV with a row per item, JSON lines with one per user."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ccd.errors import ConfigError
from ccd.files import json_line, refuse_target, replacing
from ccd.finished.recommendations import Recommendations
from ccd.runs.folder import HISTORY_FILE, PER_USER_FILE, RESULTS_FILE

_USERS = 8192
"""Users whose rows are made at once."""
_KEPT = (HISTORY_FILE, RESULTS_FILE, PER_USER_FILE)


def refuse_format(path: Path) -> None:
    """Refuse a file that ``write`` cannot or should not make, before the work for it is done.

    Raises:
        ConfigError: Its ending is none of the formats, it is a run's own file, or there can be no
            such file.
    """
    if path.suffix not in _WRITERS:
        what = f"the name of --out must end in {', '.join(_WRITERS)}"
        raise ConfigError(what, keys=("--out",), found=str(path))
    refuse_target(path)
    if path.name in _KEPT and path.exists():
        raise ConfigError(
            "--out would replace a file that 'ccd run' keeps",
            where=path,
            keys=("--out",),
            hint="choose another name",
        )


def write(found: Recommendations, path: Path) -> None:
    """Write the lists, atomically, in the format of the file's ending.

    A row is ``user, train_interactions, rank, item, name, score``, ``name`` where the data set has
    names; ids are texts or, where the data set counts from 0, numbers. A JSON line is that of
    ``ccd recommend --json``. Parquet says in its schema's metadata which run it is of.

    Raises:
        ResourceError: The file cannot be written.
    """
    with replacing(path) as temporary:
        _WRITERS[path.suffix](found, temporary)


def _parquet(found: Recommendations, path: Path) -> None:
    result = found.result
    about = {
        "variant": result.variant,
        "seed": str(result.seed),
        "epoch": str(result.best_epoch),
        "dataset": found.dataset.name,
    }
    tables = (table.replace_schema_metadata(about) for table in _tables(found))
    first = next(tables)
    # An open file: pyarrow takes some paths for addresses ("lists:1.parquet").
    with path.open("wb") as file, pq.ParquetWriter(file, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)


def _csv(found: Recommendations, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, table in enumerate(_tables(found)):
            if number == 0:
                writer.writerow(table.column_names)
            columns = [column.to_pylist() for column in table.columns]
            writer.writerows(zip(*columns, strict=True))


def _json_lines(found: Recommendations, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json_line(record) + "\n" for record in found.records())


_WRITERS: dict[str, Callable[[Recommendations, Path], None]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".jsonl": _json_lines,
}


def _tables(found: Recommendations) -> Iterator[pa.Table]:
    """The rows of some users after the others; at least one table."""
    for start in range(0, max(len(found.users), 1), _USERS):
        yield _table(found, slice(start, start + _USERS))


def _table(found: Recommendations, part: slice) -> pa.Table:
    dataset, items = found.dataset, found.items[part]
    there = items >= 0
    owners, ranks = there.nonzero()
    columns = {
        "user": _ids(found.users[part][owners], dataset.user_ids),
        "train_interactions": pa.array(found.trained[part][owners]),
        "rank": pa.array(ranks + 1),
        "item": _ids(items[there], dataset.item_ids),
    }
    if dataset.item_names:
        columns["name"] = _ids(items[there], dataset.item_names)
    columns["score"] = pa.array(found.scores[part][there])
    return pa.table(columns)


def _ids(positions: np.ndarray, ids: Sequence[str]) -> pa.Array:
    """The text of each position, or the positions where there are none."""
    if not ids:
        return pa.array(positions)
    return pa.array([ids[position] for position in positions.tolist()], pa.string())
