"""Exporting a finished run: what other programs need of it, in formats that they read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save
from scipy import sparse

from ccd import __version__
from ccd.beside import replacing_folder
from ccd.errors import ConfigError
from ccd.files import file_hash, refusing_io, write_json, write_text
from ccd.finished.new_items import served
from ccd.runs.sealed import sealed
from ccd.serving.index import write_index
from ccd.serving.layout import (
    CARD_FILE,
    FORMAT,
    INDEX_FILES,
    ITEM_VECTORS_FILE,
    ITEMS_FILE,
    MANIFEST_FILE,
    SEEN_FILE,
    TENSORS_FILE,
    USER_VECTORS_FILE,
    USERS_FILE,
    VERSION,
)
from ccd.serving.model_card import model_card
from ccd.serving.vectors import read_manifest

if TYPE_CHECKING:
    from ccd.datasets.dataset import Dataset
    from ccd.datasets.new_items import NewItems
    from ccd.finished.runs import FinishedRun


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        folder: The exported folder.
        sizes: Bytes of each of its files, by name.
    """

    folder: Path
    sizes: dict[str, int]


def export(
    run: FinishedRun,
    folder: Path,
    *,
    data_dir: Path | None = None,
    new_items: Path | NewItems | None = None,
    indexes: Sequence[str] = (),
) -> Exported:
    """Write a run's vectors, ids, seen items and model card to a folder, whole or not at all.

    An older export there is replaced in one step; a service that has it open goes on with it until
    it loads the new one.

    Args:
        run: A finished run.
        folder: Where to write.
        data_dir: Folder to look for the data set in first.
        new_items: Items that came after training: their features, or the folder that has them.
        indexes: Kinds of approximate indexes to build over the items, see ``write_index``.

    Raises:
        ConfigError: The folder exists and is no export, the run has no vectors, or an index's
            package is missing.
        DataError: The data set is not there, or has other content than the run was trained on.
        ResourceError: The folder cannot be written.
    """
    _refuse_other_folder(folder)
    dataset, found = served(run, data_dir, new_items)
    tensors = found.users, found.items
    if any(x.is_sparse for x in tensors):
        raise ConfigError(
            f"'{run.result.variant}' has no vectors, so there is nothing to export",
            keys=("--variant",),
            hint="choose another --variant",
        )
    users, items = (np.ascontiguousarray(x.numpy(), dtype=np.float32) for x in tensors)
    with replacing_folder(folder) as temporary:
        writers: dict[str, Callable[[Path], Any]] = {
            USER_VECTORS_FILE: lambda path: np.save(path, users, allow_pickle=False),
            ITEM_VECTORS_FILE: lambda path: np.save(path, items, allow_pickle=False),
            TENSORS_FILE: lambda path: path.write_bytes(save({"items": items, "users": users})),
            USERS_FILE: lambda path: _write_users(path, dataset, users),
            ITEMS_FILE: lambda path: _write_items(path, dataset, items),
            SEEN_FILE: lambda path: sparse.save_npz(path, _seen(dataset)),
            CARD_FILE: lambda path: write_text(path, model_card(run, dataset)),
        }
        for kind in indexes:
            writers[INDEX_FILES[kind]] = partial(write_index, kind, items)
        for name, write in writers.items():
            with refusing_io(folder / name):
                write(temporary / name)
        sizes = {name: (temporary / name).stat().st_size for name in writers}
        write_json(
            temporary / MANIFEST_FILE,
            sealed(
                {
                    "format": FORMAT,
                    "version": VERSION,
                    "ccd": __version__,
                    "variant": run.result.variant,
                    "seed": run.result.seed,
                    "epoch": run.result.best_epoch,
                    "refit": run.result.refit,
                    "dataset": dataset.name,
                    "dataset_fingerprint": dataset.fingerprint,
                    "n_users": len(users),
                    "n_items": len(items),
                    "n_new_items": dataset.n_new_items,
                    "dim": users.shape[1],
                    "files": {name: file_hash(temporary / name) for name in writers},
                }
            ),
        )
    return Exported(folder, sizes)


def _refuse_other_folder(folder: Path) -> None:
    """Refuse a folder that would be replaced and is somebody else's."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        read_manifest(folder)
    except ConfigError as error:
        raise ConfigError(
            "this folder exists and is no earlier export, so it is left alone",
            where=folder,
            keys=("--to",),
            hint="name a new folder with --to",
        ) from error


def _write_users(path: Path, dataset: Dataset, vectors: np.ndarray) -> None:
    counts = dataset.train_per_user
    _write_table(path, {"id": _ids(dataset.user_ids, len(vectors))}, counts, vectors)


def _write_items(path: Path, dataset: Dataset, vectors: np.ndarray) -> None:
    columns = {"id": _ids(dataset.item_ids, len(vectors))}
    if dataset.item_names:
        columns["name"] = pa.array(dataset.item_names, pa.string())
    if dataset.purchasable is not None:
        columns["purchasable"] = pa.array(dataset.purchasable)
    counts = dataset.train_per_item
    _write_table(path, columns, counts, vectors)


def _write_table(
    path: Path, columns: dict[str, pa.Array], counts: np.ndarray, vectors: np.ndarray
) -> None:
    flat = pa.array(vectors.reshape(-1))
    columns["train_interactions"] = pa.array(counts)
    columns["vector"] = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    with path.open("wb") as file:
        pq.write_table(pa.table(columns), file)


def _ids(ids: Sequence[str], n: int) -> pa.Array:
    """Ids as text; the positions where the data set's ids are these."""
    return pa.array(ids or map(str, range(n)), pa.string())


def _seen(dataset: Dataset) -> sparse.csr_matrix:
    """0/1 interactions of all splits ``[n_users, n_items]``: what users are not shown again."""
    pairs, shape = dataset.every, (dataset.n_users, dataset.n_items)
    ones = np.ones(len(pairs), dtype=np.int8)
    matrix = sparse.csr_matrix((ones, (pairs.users, pairs.items)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix
