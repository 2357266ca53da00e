"""Write a data set in the formats of other tools, so that they run on exactly the same data."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from ccd.datasets.dataset import Dataset
from ccd.datasets.interactions import SPLITS
from ccd.errors import DataError
from ccd.files import refusing_io
from ccd.importing.folder import new_folder, write_table

FormatName = Literal["mmrec", "recbole", "lenskit"]
FORMATS: tuple[str, ...] = get_args(FormatName)


@dataclass(frozen=True)
class Labelled:
    """All interactions of a data set, in the order of users and items.

    Attributes:
        users: Ids ``[n]``.
        items: Ids ``[n]``.
        rows: Positions ``[n, 2]`` of users and items.
        labels: 0 train, 1 validation, 2 test ``[n]``.
    """

    users: list[str]
    items: list[str]
    rows: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, dataset: Dataset) -> Labelled:
        """Those of a data set; ids are the positions where it has no others."""
        parts = (dataset.train, dataset.valid, dataset.test)
        rows = np.concatenate([np.stack([part.users, part.items], axis=1) for part in parts])
        labels = np.repeat(np.arange(3), [len(part) for part in parts])
        order = np.lexsort([rows[:, 1], rows[:, 0]])
        rows, labels = rows[order], labels[order]
        users, items = id_texts(dataset)
        return cls([users[u] for u in rows[:, 0]], [items[i] for i in rows[:, 1]], rows, labels)


def id_texts(dataset: Dataset) -> tuple[Sequence[str], Sequence[str]]:
    """The id of each user and of each item."""
    return (
        dataset.user_ids or [str(k) for k in range(dataset.n_users)],
        dataset.item_ids or [str(k) for k in range(dataset.n_items)],
    )


def convert(dataset: Dataset, to: FormatName, out: Path) -> list[str]:
    """Write a data set for another tool into a new folder; returns the names of the files.

    ``mmrec``: the toolbox's ``.inter`` file with positions, a ``.npy`` per modality, tables of ids,
    and its settings file. ``recbole``: atomic files with ready splits, and its settings file.
    ``lenskit``: Parquet tables with ``user_id`` and ``item_id``, one per split.

    Args:
        dataset: What is written.
        to: The tool.
        out: The folder to make; it must not hold anything.

    Raises:
        DataError: An id cannot be written in that format.
        ConfigError: ``out`` is taken.
    """
    writers: dict[str, Callable[[Dataset, Path], None]] = {
        "mmrec": _mmrec, "recbole": _recbole, "lenskit": _lenskit,
    }  # fmt: skip
    with new_folder(out, overwrite=False) as folder:
        with refusing_io(out):
            writers[to](dataset, folder)
        return sorted(path.name for path in folder.iterdir())


def _mmrec(dataset: Dataset, folder: Path) -> None:
    name, made = dataset.name, Labelled.of(dataset)
    _write_lines(
        folder / f"{name}.inter",
        ("userID", "itemID", "x_label"),
        ((str(u), str(i), str(k)) for (u, i), k in zip(made.rows, made.labels, strict=True)),
    )
    for kind, ids in zip(("user", "item"), id_texts(dataset), strict=True):
        with (folder / f"{kind[0]}_id_mapping.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerow((f"{kind}_id", f"{kind}ID"))
            writer.writerows((text, place) for place, text in enumerate(ids))
    settings = {
        "USER_ID_FIELD": "userID",
        "ITEM_ID_FIELD": "itemID",
        "inter_file_name": f"{name}.inter",
        "inter_splitting_label": "x_label",
        "field_separator": "\t",
    }
    for modality, array in dataset.features.items():
        np.save(folder / f"{modality}_feat.npy", np.asarray(array, dtype=np.float32))
        # The toolbox has two places, and calls that of images and videos the visual one.
        place = "text" if modality in ("text", "audio") else "vision"
        settings.setdefault(f"{place}_feature_file", f"{modality}_feat.npy")
    _write_settings(folder / f"{name}.yaml", settings)


def _recbole(dataset: Dataset, folder: Path) -> None:
    name, made = dataset.name, Labelled.of(dataset)
    header = ("user_id:token", "item_id:token")
    for label, split in enumerate(SPLITS):
        chosen = np.flatnonzero(made.labels == label)
        lines = ((made.users[k], made.items[k]) for k in chosen)
        _write_lines(folder / f"{name}.{split}.inter", header, lines)
    if dataset.item_names:
        _, items = id_texts(dataset)
        # A name is for people: blanks in the place of tabs do not change what it says.
        names = (" ".join(called.split()) for called in dataset.item_names)
        _write_lines(
            folder / f"{name}.item",
            ("item_id:token", "item_name:token_seq"),
            zip(items, names, strict=True),
        )
    _write_settings(
        folder / f"{name}.yaml",
        {
            "benchmark_filename": list(SPLITS),
            "USER_ID_FIELD": "user_id",
            "ITEM_ID_FIELD": "item_id",
            "load_col": {"inter": ["user_id", "item_id"]},
        },
    )


def _lenskit(dataset: Dataset, folder: Path) -> None:
    import pyarrow as pa

    made = Labelled.of(dataset)
    users, items = pa.array(made.users, pa.string()), pa.array(made.items, pa.string())
    for label, split in enumerate(SPLITS):
        mask = pa.array(made.labels == label)
        columns = {"user_id": users.filter(mask), "item_id": items.filter(mask)}
        write_table(folder / f"{split}.parquet", columns)
    described = {"item_id": pa.array(id_texts(dataset)[1], pa.string())}
    if dataset.item_names:
        described["title"] = pa.array(dataset.item_names, pa.string())
    write_table(folder / "items.parquet", described)


def _write_lines(path: Path, header: Sequence[str], rows: Iterator[tuple[str, ...]]) -> None:
    """Write a table whose format knows no quotes.

    Raises:
        DataError: A cell holds a tab or a line end.
    """
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\t".join(header) + "\n")
        for cells in rows:
            line = "\t".join(cells)
            if line.count("\t") >= len(cells) or len(line.splitlines()) != 1:
                raise DataError(
                    f"{path.suffix} files cannot hold an id with a tab or a line end",
                    found=repr(cells),
                    hint="write --to lenskit, or import the data with other ids",
                )
            file.write(line + "\n")


def _write_settings(path: Path, settings: Mapping[str, object]) -> None:
    """Write a settings file in YAML, of which JSON is a part."""
    import json

    lines = [f"{key}: {json.dumps(value)}" for key, value in settings.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
