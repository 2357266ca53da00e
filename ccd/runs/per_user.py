"""Test metrics per user as Parquet: one row per (variant, seed, user)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ccd.errors import DamagedFileError, ResourceError, reading, reason
from ccd.files import replacing
from ccd.parquet import read_columns

if TYPE_CHECKING:
    import pyarrow as pa

_KEYS = ("variant", "seed", "user")


@dataclass(frozen=True)
class PerUser:
    """Metrics of one run for each user of the test split.

    Attributes:
        users: int64 user ids ``[n]``, distinct.
        metrics: Metric name to values ``[n]``, in the order of ``users``.
    """

    users: np.ndarray
    metrics: Mapping[str, np.ndarray]


def write_per_user(path: Path, variant: str, seed: int, per_user: PerUser) -> None:
    """Write the rows of one run, metric columns as float32."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    n = len(per_user.users)
    columns = {
        "variant": pa.array([variant] * n, pa.string()),
        "seed": pa.array(np.full(n, seed, dtype=np.int64)),
        "user": pa.array(np.asarray(per_user.users, dtype=np.int64)),
    }
    for name, values in per_user.metrics.items():
        columns[name] = pa.array(np.asarray(values, dtype=np.float32))
    # An open file, here and below: pyarrow takes some paths for addresses ("exp:1").
    with replacing(path) as temporary, temporary.open("wb") as file:
        pq.write_table(pa.table(columns), file)


def merge_per_user(path: Path, parts: Sequence[Path]) -> None:
    """Join the rows of several runs into one file, reading one run at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.unify_schemas([_read(part).schema for part in parts])
    with (
        replacing(path) as temporary,
        temporary.open("wb") as file,
        pq.ParquetWriter(file, schema) as writer,
    ):
        for part in parts:
            rows = pa.concat_tables([schema.empty_table(), _read(part)], promote_options="default")
            writer.write_table(rows.select(schema.names))


def read_per_user(path: Path) -> dict[tuple[str, int], PerUser]:
    """The runs of a merged file; none if there is no file.

    Raises:
        DamagedFileError: The file is not such a table.
        ResourceError: It cannot be read.
    """
    with reading(path, ResourceError):
        if not path.exists():
            return {}
    table = _read(path)
    variants = np.asarray(table["variant"].to_pylist(), dtype=object)
    seeds = table["seed"].to_numpy()
    users = table["user"].to_numpy()
    metrics = {name: table[name].to_numpy() for name in table.column_names if name not in _KEYS}
    runs = {}
    for variant, seed in dict.fromkeys(zip(variants.tolist(), seeds.tolist(), strict=True)):
        rows = (variants == variant) & (seeds == seed)
        values = {name: column[rows] for name, column in metrics.items()}
        # A metric that other runs have and this one does not was filled with nulls in the merge.
        known = {name: column for name, column in values.items() if not np.isnan(column).all()}
        runs[(variant, seed)] = PerUser(users[rows], known)
    return runs


def _read(path: Path) -> pa.Table:
    import pyarrow as pa

    with reading(path, ResourceError):
        data = path.read_bytes()
    try:
        table = read_columns(BytesIO(data))
    except (pa.ArrowException, OSError) as error:  # pyarrow has both for what is damaged inside
        raise DamagedFileError(
            f"this file is not a complete Parquet file: {reason(error)}",
            where=path,
            hint="remove it and run again",
        ) from error
    missing = [name for name in _KEYS if name not in table.column_names]
    if missing:
        what = f"this file lacks the column {missing[0]}"
        raise DamagedFileError(what, where=path, hint="remove it and run again")
    return table
