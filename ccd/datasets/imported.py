"""Data sets that ``ccd data import`` wrote: Parquet tables of positions, ids and names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np

from ccd.datasets.assemble import assemble, refuse_names
from ccd.datasets.dataset import Dataset
from ccd.datasets.features import open_features
from ccd.datasets.interactions import SPLITS, InteractionTable
from ccd.datasets.locate import Wanted, locate
from ccd.datasets.splits import split_interactions
from ccd.errors import DamagedFileError, DataError, reading, reason
from ccd.parquet import read_columns
from ccd.registry import component
from ccd.settings import HOW_IT_RUNS, REQUIRED, Text

if TYPE_CHECKING:
    import pyarrow as pa

INTERACTIONS, USERS, ITEMS = "interactions.parquet", "users.parquet", "items.parquet"
"""Files of an imported data set; users and items are in the order of their positions."""
USER_ID, ITEM_ID, LABEL, PURCHASABLE = "userID", "itemID", "x_label", "purchasable"


@component("dataset")
def imported_dataset(
    folders: Sequence[Path],
    *,
    name: Text = REQUIRED,
    features: dict[Text, Text] = REQUIRED,
    item_name: Annotated[Text | None, HOW_IT_RUNS] = None,
) -> Dataset:
    """A data set that ``ccd data import`` wrote.

    Args:
        folders: Folders to look in, in order; files lie in ``<folder>/<name>`` or ``<folder>``.
        name: Name of the data set and of its folder.
        features: Modality to ``.npy`` file; row i belongs to row i of ``items.parquet``.
        item_name: Column of ``items.parquet`` with what items are called.

    Raises:
        DataError: Files are missing, or contradict each other.
        DamagedFileError: A file is truncated, or not what its name says.
        ConfigError: A modality has a name that no part of a model can have.
    """
    refuse_names(features, "imported_dataset.features")
    wanted = {
        INTERACTIONS: Wanted("the interactions", (INTERACTIONS,)),
        USERS: Wanted("ids of the users", (USERS,)),
        ITEMS: Wanted("ids of the items, and what is known about them", (ITEMS,)),
    }
    wanted |= {
        f"{modality} features": Wanted(f"{modality} features, one row per item", (file,))
        for modality, file in features.items()
    }
    files = locate(name, wanted, folders, source="the folder that 'ccd data import' wrote")
    users = read_table(files[USERS], (USER_ID,))
    items = read_table(files[ITEMS], (ITEM_ID, *([item_name] if item_name else [])))
    table = _interactions(
        files[INTERACTIONS], users[USER_ID].to_pylist(), items[ITEM_ID].to_pylist()
    )
    splits = split_interactions(table, duplicates="refuse", leaks="refuse")
    opened = {
        modality: open_features(
            files[f"{modality} features"], modality, splits.n_items, non_finite="refuse"
        )
        for modality in features
    }
    names = items[item_name].to_pylist() if item_name else []
    dataset = assemble(
        name, table, splits, opened, item_names=tuple(str(called or "") for called in names)
    )
    return replace(dataset, purchasable=read_purchasable(files[ITEMS]))


def read_table(path: Path, columns: Sequence[str]) -> pa.Table:
    """Columns of a Parquet file of an imported data set.

    Raises:
        DamagedFileError: It is no whole Parquet file, or lacks a column.
    """
    import pyarrow as pa

    try:
        with reading(path, DataError), path.open("rb") as file:
            return read_columns(file, columns).select(list(columns))
    except (pa.ArrowException, KeyError) as error:
        raise DamagedFileError(
            f"this is no whole table with the columns {', '.join(columns)}: {reason(error)}",
            where=path,
            hint="import the data set again",
        ) from error


def read_purchasable(path: Path) -> np.ndarray | None:
    """Whether each item of an imported table can be had; one of which nothing is said can.

    Returns:
        bool ``[n_items]``; None where the import names no such column.
    """
    import pyarrow as pa
    from pyarrow import parquet

    with reading(path, DataError), path.open("rb") as file:
        schema = parquet.read_schema(file)
    # A column of that name which the user's table had itself may hold anything.
    if PURCHASABLE not in schema.names or schema.field(PURCHASABLE).type != pa.bool_():
        return None
    column = read_table(path, (PURCHASABLE,))[PURCHASABLE]
    return column.fill_null(True).to_numpy()


def _interactions(path: Path, users: list[str], items: list[str]) -> InteractionTable:
    table = read_table(path, (USER_ID, ITEM_ID, LABEL))
    columns = []
    for name, limit in ((USER_ID, len(users)), (ITEM_ID, len(items)), (LABEL, len(SPLITS))):
        column = table[name].to_numpy()
        if column.dtype.kind != "i" or not len(column) or column.min() < 0 or column.max() >= limit:
            raise DamagedFileError(
                f"column {name} must hold whole numbers from 0 to {limit - 1}",
                where=path,
                hint="import the data set again",
            )
        columns.append(column.astype(np.int64))
    at_users, at_items, labels = columns
    return InteractionTable(path, at_users, at_items, labels, (), tuple(users), tuple(items))
