"""What kind of source of features it is, by its name and content."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ccd.errors import ConfigError, DataError, reading
from ccd.importing.features.arrays import ARRAYS, ArrayReader
from ccd.importing.features.encoding import open_encoded
from ccd.importing.features.folders import FolderReader
from ccd.importing.features.options import FeaturePolicy, FeatureSource
from ccd.importing.features.reader import VectorReader
from ccd.importing.features.tables import TableReader
from ccd.importing.sources import Reading, open_sources

FORMATS = (
    "a table with a column of vectors or a column for each number (Parquet, CSV, JSON lines, "
    "RecBole), an array (.npy, .npz, .safetensors) with the ids of its rows, or a folder with a "
    ".npy file for each item"
)


def open_reader(
    source: FeatureSource,
    item_ids: Sequence[str],
    items: Mapping[str, Any] | None,
    policy: FeaturePolicy,
    say: Callable[[str], None],
) -> VectorReader:
    """The reader of a source.

    Args:
        source: What the user wrote.
        item_ids: Ids of the items, by position.
        items: Column name to its cells in the same order.
        policy: For encoders: the device, and what to do with images that cannot be read.
        say: Told of a download before it happens.

    Raises:
        ConfigError: There is no such file, folder or column.
        DataError: It holds no vectors.
    """
    if source.encoded:
        return open_encoded(source, item_ids, items, policy, say)
    if source.table is not None:
        return TableReader(source, [source.table])
    path = Path(source.where).expanduser()
    with reading(path, DataError):
        is_folder = path.is_dir()
        if not is_folder and not path.is_file():
            raise ConfigError(
                "there is no such file or folder",
                where=path,
                keys=(source.option,),
                hint=f"{source.option} takes {FORMATS}",
            )
    if is_folder and any(path.rglob("*.npy")):
        return FolderReader(source, path)
    if path.suffix.lower() in ARRAYS:
        return ArrayReader(source, path)
    return TableReader(source, open_sources([path], Reading()))
