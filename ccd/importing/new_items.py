"""Read items that came after training: from an imported folder, or from files of features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ccd.config.files import IMPORT_REPORT
from ccd.datasets.imported import ITEM_ID, ITEMS, read_purchasable
from ccd.datasets.new_items import NewItems
from ccd.errors import ConfigError, DataError, reading
from ccd.importing.features import FeaturePolicy, FeatureSource, write_features
from ccd.importing.features.opening import open_reader
from ccd.importing.stored import open_import
from ccd.terminal.stdout import say


def read_new_items(folder: Path, modalities: Sequence[str]) -> NewItems:
    """The items of a folder with their features.

    Args:
        folder: What ``ccd data import`` wrote, or a folder with a file of vectors with ids, or a
            folder of such, for each modality, called like it: ``text.parquet``, ``image/``.
        modalities: Those of the model.

    Raises:
        ConfigError: The folder holds neither.
        DataError: A file is not what it must be.
        DamagedFileError: A file is truncated.
    """
    if (folder / IMPORT_REPORT).is_file():
        return _imported(folder)
    sources = [FeatureSource(name, str(_of_modality(folder, name))) for name in modalities]
    policy = FeaturePolicy()
    found: dict[str, None] = {}
    for source in sources:
        reader = open_reader(source, (), None, policy, say)
        for block in reader.blocks(_Everything()):
            found |= dict.fromkeys(block.ids)
    ids = tuple(found)
    with TemporaryDirectory() as place:
        reports = write_features(sources, ids, None, Path(place), policy)
        features = {one.name: np.load(Path(place) / one.file) for one in reports}
    return NewItems(ids, features, origin=folder)


def _imported(folder: Path) -> NewItems:
    stored = open_import(folder)
    columns, called = stored.items(), stored.report["item_name"]
    names = columns[called].to_pylist() if called in columns else []
    features = {name: np.load(folder / file) for name, file in stored.feature_files.items()}
    return NewItems(
        columns[ITEM_ID].to_pylist(),
        features,
        names=tuple(str(name or "") for name in names),
        purchasable=read_purchasable(folder / ITEMS),
        origin=folder,
    )


def _of_modality(folder: Path, modality: str) -> Path:
    """The file or folder with the vectors of a modality."""
    with reading(folder, DataError):
        there = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    found = [path for path in there if path.name.partition(".")[0] == modality]
    # The ids of an array lie beside it: text.npy and text.ids.txt.
    vectors = [path for path in found if ".ids." not in path.name]
    if len(vectors) != 1:
        raise ConfigError(
            f"expected one file or folder of {modality} vectors here, called like {modality}",
            where=folder,
            found=", ".join(path.name for path in there[:10]) or "an empty folder",
            hint=f"write for instance {modality}.parquet with the columns item and vector, or name "
            "what 'ccd data import' wrote",
        )
    return vectors[0]


class _Everything:
    """Holds every id."""

    def __contains__(self, name: object) -> bool:
        return True
