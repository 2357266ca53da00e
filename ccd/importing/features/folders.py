"""A folder with a file for each item, named by the item's id; the vectors as Ducho writes them."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from ccd.datasets.npy import open_npy
from ccd.errors import DataError, Place, reading
from ccd.files import file_hash
from ccd.importing.features.options import FeatureSource
from ccd.importing.features.reader import Block, VectorReader

_FILES_PER_BLOCK = 1024


class FolderReader(VectorReader):
    """One ``.npy`` file for each item, a vector ``[dim]`` or ``[1, dim]``.

    Raises:
        DataError: The folder holds none.
    """

    def __init__(self, source: FeatureSource, path: Path) -> None:
        self._files = files_by_item(path, (".npy",))
        self._done = 0
        super().__init__(source, path, f"folder of {len(self._files):,} .npy files")

    @property
    def size(self) -> int:
        return len(self._files)

    @property
    def done(self) -> int:
        return self._done

    def hashes(self) -> list[tuple[Path, str]]:
        return [(path, file_hash(path, unreadable=DataError)) for path in self._files]

    def place(self, row: int) -> Place:
        return Place(str(self._files[row]))

    def blocks(self, wanted: Container[str]) -> Iterator[Block]:
        dim: int | None = None
        numbered = enumerate(self._files)
        while some := list(islice(numbered, _FILES_PER_BLOCK)):
            known = [(row, path) for row, path in some if path.stem in wanted]
            vectors = []
            for _, path in known:
                vectors.append(_vector(path, dim))
                dim = len(vectors[0])
            self._done += len(some)
            yield Block(
                [path.stem for _, path in known],
                np.stack(vectors) if vectors else np.empty((0, dim or 0), dtype=np.float32),
                np.array([row for row, _ in known], dtype=np.int64),
                unknown=[path.stem for _, path in some if path.stem not in wanted],
            )


def files_by_item(folder: Path, endings: Sequence[str]) -> list[Path]:
    """The files with one of the endings in a folder and below, in the order of their paths.

    Raises:
        DataError: There is none, or an item has files in two folders, such as those of two models.
    """
    with reading(folder, DataError):
        inside = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    shown = [
        path
        for path in inside
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    found = [path for path in shown if path.suffix.lower() in endings]
    if not found:
        raise DataError(
            f"this folder holds no {endings[0]} file",
            where=folder,
            found=", ".join(path.name for path in shown[:8]) or "nothing",
            hint="name each file by the id of its item, such as 0012" + endings[0],
        )
    first: dict[str, Path] = {}
    for path in found:
        if first.setdefault(path.stem, path).parent != path.parent:
            raise DataError(
                f"item {path.stem!r} has files in two folders",
                where=[first[path.stem], path],
                hint="name one of the folders: their vectors or images may be of different kinds",
            )
    return found


def _vector(path: Path, dim: int | None) -> np.ndarray:
    array = np.asarray(open_npy(path))
    vector = array[0] if array.ndim == 2 and len(array) == 1 else array
    if vector.ndim != 1:
        raise DataError(
            "expected the vector of one item, [dim] or [1, dim]",
            where=path,
            found=f"shape {list(array.shape)}",
            hint="pool it first, for instance with array.mean(axis=0)",
        )
    if dim is not None and len(vector) != dim:
        raise DataError(
            f"expected {dim} numbers, as in the other files",
            where=path,
            found=f"{len(vector)}",
            hint="make all vectors with one encoder",
        )
    return vector.astype(np.float32)
