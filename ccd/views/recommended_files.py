"""Recommendations as a file: Parquet and CSV with a row per item, JSON lines with one per user."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ccd.errors import ConfigError
from ccd.files import json_line, replacing
from ccd.finished.inspection import name_of
from ccd.finished.recommendations import Recommendations
from ccd.targets import refuse_target


def refuse_format(path: Path) -> None:
    """Refuse a file that ``write`` cannot or should not make, before the work for it is done.

    Raises:
        ConfigError: Its ending is none of the formats, or ``refuse_target`` refuses it.
    """
    if path.suffix not in _WRITERS:
        what = f"the name of --out must end in {', '.join(_WRITERS)}"
        raise ConfigError(what, keys=("--out",), found=str(path))
    refuse_target(path)


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        first: The first lists.
        n_users: Users that have a list.
        n_cold: Those whose list is not personal.
    """

    first: Recommendations
    n_users: int
    n_cold: int


def write(
    blocks: Iterable[Recommendations], path: Path, told: Callable[[int], None] = lambda _: None
) -> Written:
    """Write the lists, atomically, in the format of the file's ending, a block after the other.

    A row is ``user, train_interactions, made_from, rank, item, name, score``, ``name`` where the
    data set has names; ids are texts. A JSON line is that of ``ccd recommend --json``. Parquet says
    in its schema's metadata which run it is of.

    Args:
        blocks: At least one.
        path: The file.
        told: Called after each block with the number of users that are written.

    Raises:
        ResourceError: The file cannot be written.
    """
    first, n_users, n_cold = None, 0, 0
    with replacing(path) as temporary, _WRITERS[path.suffix](temporary) as add:
        for block in blocks:
            add(block)
            first = first or block
            n_users, n_cold = n_users + len(block.ids), n_cold + block.n_cold
            told(n_users)
    assert first is not None, "there is at least one block"
    return Written(first, n_users, n_cold)


_Add = Callable[[Recommendations], None]


@contextmanager
def _parquet(path: Path) -> Iterator[_Add]:
    with ExitStack() as stack:
        # An open file: pyarrow takes some paths for addresses ("lists:1.parquet").
        file = stack.enter_context(path.open("wb"))
        writer: pq.ParquetWriter | None = None

        def add(found: Recommendations) -> None:
            nonlocal writer
            table = _table(found).replace_schema_metadata(_about(found))
            if writer is None:
                writer = stack.enter_context(pq.ParquetWriter(file, table.schema))
            writer.write_table(table)

        yield add


def _about(found: Recommendations) -> dict[str, str]:
    result = found.result
    return {
        "variant": result.variant,
        "seed": str(result.seed),
        "epoch": str(result.best_epoch),
        "dataset": found.dataset.name,
    }


@contextmanager
def _csv(path: Path) -> Iterator[_Add]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")

        def add(found: Recommendations) -> None:
            table = _table(found)
            if not file.tell():
                writer.writerow(table.column_names)
            columns = [column.to_pylist() for column in table.columns]
            writer.writerows(zip(*columns, strict=True))

        yield add


@contextmanager
def _json_lines(path: Path) -> Iterator[_Add]:
    with path.open("w", encoding="utf-8") as file:
        yield lambda found: file.writelines(json_line(record) + "\n" for record in found.records())


_WRITERS: dict[str, Callable[[Path], AbstractContextManager[_Add]]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".jsonl": _json_lines,
}


def _table(found: Recommendations) -> pa.Table:
    dataset = found.dataset
    there = found.items >= 0
    owners, ranks = there.nonzero()
    items = found.items[there].tolist()
    columns = {
        "user": pa.array([found.ids[row] for row in owners.tolist()], pa.string()),
        "train_interactions": pa.array(found.trained[owners]),
        "made_from": pa.array(found.made_from[owners].tolist(), pa.string()),
        "rank": pa.array(ranks + 1),
        "item": pa.array([name_of(item, dataset.item_ids) for item in items], pa.string()),
    }
    if dataset.item_names:
        columns["name"] = pa.array([dataset.item_names[item] for item in items], pa.string())
    columns["score"] = pa.array(found.scores[there])
    return pa.table(columns)
