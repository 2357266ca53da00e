"""An exported folder, opened to recommend from: vectors, ids and what each user has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ccd.errors import ConfigError, DamagedFileError
from ccd.files import file_hash, read_json
from ccd.parquet import read_columns
from ccd.runs.sealed import unsealed
from ccd.serving.layout import (
    FORMAT,
    ITEM_VECTORS_FILE,
    ITEMS_FILE,
    MANIFEST_FILE,
    SEEN_FILE,
    USER_VECTORS_FILE,
    USERS_FILE,
    VERSION,
)


@dataclass(frozen=True)
class Vectors:
    """What a run learned, as an exported folder holds it.

    Attributes:
        folder: The exported folder.
        about: What ``export.json`` says.
        users: float32 user vectors ``[n_users, dim]``, memory-mapped.
        items: float32 item vectors ``[n_items, dim]``, memory-mapped.
        user_ids: The users' ids, by position.
        item_ids: The items' ids, by position.
        item_names: What items are called, by position; empty where the data set does not say.
        purchasable: bool ``[n_items]``: whether an item can be had, so that lists may have it.
        popularity: int64 training interactions of each item ``[n_items]``.
        seen_starts: int64: where each user's items begin in ``seen_items`` ``[n_users + 1]``.
        seen_items: Positions of the items that users have interacted with, user after user.
    """

    folder: Path
    about: dict[str, Any]
    users: np.ndarray
    items: np.ndarray
    user_ids: Sequence[str]
    item_ids: Sequence[str]
    item_names: Sequence[str]
    purchasable: np.ndarray
    popularity: np.ndarray
    seen_starts: np.ndarray
    seen_items: np.ndarray

    @cached_property
    def user_places(self) -> dict[str, int]:
        """Position of each user's id."""
        return {name: place for place, name in enumerate(self.user_ids)}

    @cached_property
    def item_places(self) -> dict[str, int]:
        """Position of each item's id."""
        return {name: place for place, name in enumerate(self.item_ids)}

    @cached_property
    def by_popularity(self) -> np.ndarray:
        """Items that can be had, the most popular first; equal ones in the order of positions."""
        every = np.argsort(-self.popularity, kind="stable")
        return every[self.purchasable[every]]

    @cached_property
    def all_purchasable(self) -> bool:
        """Whether every item can be had."""
        return bool(self.purchasable.all())

    def seen(self, user: int) -> np.ndarray:
        """Positions of the items that a user has interacted with."""
        return self.seen_items[self.seen_starts[user] : self.seen_starts[user + 1]]


def open_vectors(folder: Path) -> Vectors:
    """Open an exported folder, each file of which must have the checksum that was exported.

    Args:
        folder: What ``ccd export`` wrote.

    Raises:
        ConfigError: It is no exported folder.
        DamagedFileError: A file is missing, or is not the one that was exported.
    """
    about = read_manifest(folder)
    for name, expected in about["files"].items():
        path = folder / name
        if not path.is_file() or file_hash(path) != expected:
            raise DamagedFileError(
                "this file is not the one that was exported",
                where=path,
                found="another checksum" if path.is_file() else "no such file",
                hint="run 'ccd export' again",
            )
    users, items = _table(folder / USERS_FILE), _table(folder / ITEMS_FILE)
    starts, seen = _seen(folder / SEEN_FILE)
    return Vectors(
        folder=folder,
        about=about,
        users=np.load(folder / USER_VECTORS_FILE, mmap_mode="r", allow_pickle=False),
        items=np.load(folder / ITEM_VECTORS_FILE, mmap_mode="r", allow_pickle=False),
        user_ids=users["id"],
        item_ids=items["id"],
        item_names=items.get("name", ()),
        purchasable=np.asarray(items.get("purchasable", np.ones(len(items["id"]))), dtype=bool),
        popularity=np.asarray(items["train_interactions"], dtype=np.int64),
        seen_starts=starts,
        seen_items=seen,
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """What ``export.json`` of an exported folder says.

    Raises:
        ConfigError: It is no exported folder, or one of another version of ccd.
        DamagedFileError: It is not what was written.
    """
    path = folder / MANIFEST_FILE
    if not path.is_file():
        raise ConfigError(
            "this is no exported folder",
            where=folder,
            found=f"no {MANIFEST_FILE} in it",
            hint="make one of a run: ccd export RUN --to DIR",
        )
    record = read_json(path)
    about = unsealed(record, path, required=record.get("format") == FORMAT)
    if about.get("format") != FORMAT or about.get("version") != VERSION:
        raise ConfigError(
            "this is no folder that this version of ccd exported",
            where=path,
            found=f"{about.get('format')!r}, version {about.get('version')!r}",
            hint="make one of a run: ccd export RUN --to DIR",
        )
    return about


def _table(path: Path) -> dict[str, list[Any]]:
    """The columns of a Parquet file but the vectors."""
    import pyarrow.parquet as pq

    with path.open("rb") as file:
        wanted = [name for name in pq.read_schema(file).names if name != "vector"]
        file.seek(0)
        columns: dict[str, list[Any]] = read_columns(file, wanted).to_pydict()
    return columns


def _seen(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(path, allow_pickle=False) as parts:
        return parts["indptr"].astype(np.int64), parts["indices"]
