"""Data sets in the MMRec toolbox's format: one ``.inter`` file, one ``.npy`` per modality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from ccd.datasets.assemble import assemble, refuse_names
from ccd.datasets.dataset import Dataset
from ccd.datasets.features import open_features
from ccd.datasets.ids import read_order
from ccd.datasets.interactions import COLUMNS, read_interactions
from ccd.datasets.item_names import read_item_names
from ccd.datasets.locate import Wanted, locate
from ccd.datasets.neighbours import read_neighbours
from ccd.datasets.splits import split_interactions
from ccd.errors import ConfigError, DataError
from ccd.registry import component
from ccd.settings import HOW_IT_RUNS, REQUIRED, Text

FileNames = Text | tuple[Text, ...]
"""One file name, or several in order of preference."""


@component("dataset")
def mmrec_dataset(
    folders: Sequence[Path],
    *,
    name: Text = REQUIRED,
    interactions: Text = REQUIRED,
    features: dict[Text, FileNames] = REQUIRED,
    neighbours: dict[Text, FileNames] | None = None,
    item_order: Text | None = None,
    item_names: Annotated[Text | None, HOW_IT_RUNS] = None,
    names_order: Annotated[Text | None, HOW_IT_RUNS] = None,
    source: Annotated[Text, HOW_IT_RUNS] = "its publisher",
    duplicates: Literal["drop", "refuse"] = "drop",
    leaks: Literal["refuse", "drop"] = "refuse",
    non_finite: Literal["refuse", "zero"] = "refuse",
) -> Dataset:
    """A data set in the MMRec toolbox's format, read from files and checked.

    Args:
        folders: Folders to look in, in order; files lie in ``<folder>/<name>`` or ``<folder>``.
        name: Name of the data set and of its folder.
        interactions: File with the columns ``userID itemID x_label``.
        features: Modality to ``.npy`` file, or files in order of preference; row = item id.
        neighbours: Modality to ``.npz`` file with precomputed nearest items, used if it is there.
        item_order: File with one item id a line, in the order of the feature rows; needed where
            the interactions have other item ids than the numbers of these rows.
        item_names: File with the columns ``itemID name``, separated by tabs (or a ``.csv``), for
            ``ccd negatives`` and ``ccd recommend``; items may be left out.
        names_order: File with one item id a line, in the order of the feature rows; needed where
            ``item_names`` has other item ids than the interactions.
        source: Where the data set can be had, for the message when it is missing.
        duplicates: What to do with a pair that is repeated within a split.
        leaks: What to do with a pair that is in two splits; ``drop`` keeps the earlier split's.
        non_finite: What to do with feature rows that have a NaN or an infinity; ``zero`` makes
            them items without the modality.

    Raises:
        DataError: Files are missing, wrong or contradict each other.
        DamagedFileError: A file is truncated, or not what its name says.
        ConfigError: ``neighbours`` names a modality that ``features`` does not, or a modality has a
            name that no part of a model can have.
    """
    refuse_names(features, "mmrec_dataset.features")
    wanted = _wanted(interactions, _tuples(features), _tuples(neighbours or {}), item_order)
    if item_names:
        wanted["item names"] = Wanted("names of items, columns itemID and name", (item_names,))
    if names_order:
        what = "item ids of the names, one a line, by feature row"
        wanted["names order"] = Wanted(what, (names_order,))
    files = locate(name, wanted, folders, source=source)
    order = read_order(files["item order"]) if item_order else ()
    table = read_interactions(files["interactions"], item_order=order, featured=bool(features))
    splits = split_interactions(table, duplicates=duplicates, leaks=leaks)
    opened = {
        modality: open_features(
            files[f"{modality} features"], modality, splits.n_items, non_finite=non_finite
        )
        for modality in features
    }
    lists = {
        modality: read_neighbours(files[key], modality, splits.n_items)
        for modality in features
        if (key := f"{modality} neighbours") in files
    }
    return assemble(
        name,
        table,
        splits,
        opened,
        neighbours=lists,
        item_names=_names(files, splits.n_items, table.item_ids),
        notes=_notes_on_files(wanted, files),
    )


def _names(files: Mapping[str, Path], n_items: int, item_ids: tuple[str, ...]) -> tuple[str, ...]:
    """What items are called, by position; empty where no file says."""
    if "item names" not in files:
        return ()
    if "names order" in files:
        item_ids = read_order(files["names order"])
        if len(item_ids) != n_items:
            raise DataError(
                f"expected a line for each of {n_items:,} items",
                where=files["names order"],
                found=f"{len(item_ids):,}",
                keys=("mmrec_dataset.names_order",),
                hint="list the ids of all items in the order of the feature rows",
            )
    return read_item_names(files["item names"], n_items, item_ids)


def _tuples(files: Mapping[str, FileNames]) -> dict[str, tuple[str, ...]]:
    return {key: (names,) if isinstance(names, str) else names for key, names in files.items()}


def _wanted(
    interactions: str,
    features: Mapping[str, tuple[str, ...]],
    neighbours: Mapping[str, tuple[str, ...]],
    item_order: str | None,
) -> dict[str, Wanted]:
    unknown = [repr(modality) for modality in neighbours if modality not in features]
    if unknown:
        raise ConfigError(
            f"mmrec_dataset.neighbours: {', '.join(unknown)} is no modality of "
            "mmrec_dataset.features",
            keys=("mmrec_dataset.neighbours", "mmrec_dataset.features"),
            hint=f"modalities: {', '.join(map(repr, features)) or 'none'}",
        )
    wanted = {
        "interactions": Wanted(f"interactions, tab-separated {' '.join(COLUMNS)}", (interactions,))
    }
    if item_order:
        wanted["item order"] = Wanted("item ids, one a line, by feature row", (item_order,))
    for modality, names in features.items():
        what = f"{modality} features, one row per item"
        wanted[f"{modality} features"] = Wanted(what, names)
    for modality, names in neighbours.items():
        what = f"nearest items by {modality}"
        wanted[f"{modality} neighbours"] = Wanted(what, names, required=False)
    return wanted


def _notes_on_files(wanted: Mapping[str, Wanted], files: Mapping[str, Path]) -> list[str]:
    """Say which file was used where there was a choice."""
    return [
        f"{key} are read from {path.name}"
        for key, path in files.items()
        if len(wanted[key].names) > 1 or not wanted[key].required
    ]
