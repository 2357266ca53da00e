"""Vectors in one array, ``.npy``, ``.npz`` or safetensors, whose rows a list of ids names."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Container, Iterator, Sequence
from pathlib import Path

import numpy as np

from ccd.datasets.npy import open_npy
from ccd.errors import ConfigError, DamagedFileError, DataError, reading, reason
from ccd.files import file_hash
from ccd.importing.cells import Rows, id_texts
from ccd.importing.features.options import FeatureSource
from ccd.importing.features.reader import Block, VectorReader, rows_per_block
from ccd.importing.features.tables import id_column
from ccd.importing.sources import Reading, open_file
from ccd.importing.sources.stream import FREE_BYTES, MOST_EXPANSION

ARRAYS = (".npy", ".npz", ".safetensors")
"""Endings of files with arrays."""
_ID_ENDINGS = (".txt", ".json", ".npy", ".csv", ".tsv", ".parquet")
_NPZ_FAULTS = (ValueError, EOFError, TypeError, AttributeError, KeyError, zipfile.BadZipFile)


class ArrayReader(VectorReader):
    """The rows of an array ``[n, dim]``; row i belongs to the i-th of the ids.

    Raises:
        DataError: The file holds no such array, or the ids do not fit it.
        ConfigError: Which item each row belongs to is not said.
        DamagedFileError: The file is truncated, or holds pickled objects.
    """

    def __init__(self, source: FeatureSource, path: Path) -> None:
        self._vectors, self._ids, self._id_file = _load(source, path)
        if len(self._ids) != len(self._vectors):
            raise DataError(
                f"expected one id for each of the {len(self._vectors):,} {source.name} vectors",
                where=[path, self._id_file],
                keys=(source.option,),
                found=f"{len(self._ids):,} ids",
                hint="line i of the ids must name the item of row i",
            )
        self._done = 0
        beside = f", ids in {self._id_file.name}" if self._id_file is not None else ""
        super().__init__(source, path, f"{path.suffix[1:]} array{beside}")

    @property
    def size(self) -> int:
        return len(self._ids)

    @property
    def done(self) -> int:
        return self._done

    def hashes(self) -> list[tuple[Path, str]]:
        files = [self.path, *([self._id_file] if self._id_file is not None else [])]
        return [(path, file_hash(path, unreadable=DataError)) for path in files]

    def blocks(self, wanted: Container[str]) -> Iterator[Block]:
        step = rows_per_block(self._vectors.shape[1])
        for start in range(0, len(self._ids), step):
            ids = self._ids[start : start + step]
            vectors = np.asarray(self._vectors[start : start + step])
            self._done = start + len(ids)
            yield Block(ids, vectors, np.arange(start, start + len(ids)))


def _load(source: FeatureSource, path: Path) -> tuple[np.ndarray, Sequence[str], Path | None]:
    """Vectors ``[n, dim]``, their ids, and the file of ids if it is another one."""
    beside = _ids_beside(source, path)
    if path.suffix == ".npy":
        arrays = {path.name: open_npy(path)}
    else:
        arrays = read_npz(path) if path.suffix == ".npz" else read_safetensors(path)
    vectors = {name: found for name, found in arrays.items() if found.ndim == 2}
    if beside is None and source.part:
        vectors = {name: found for name, found in vectors.items() if name == source.part}
    shapes = ", ".join(f"{name} {list(found.shape)}" for name, found in arrays.items())
    if len(vectors) != 1:
        raise DataError(
            f"expected one array [n_items, dim] of {source.name} vectors",
            where=path,
            keys=(source.option,),
            found=shapes or "no array",
            hint=f"name it: --features {source.name}={source.where}:ARRAY" if vectors else
            "save a matrix with a row for each item",
        )  # fmt: skip
    (matrix,) = vectors.values()
    if matrix.dtype.kind not in "fiub" or not matrix.size:
        found = f"{matrix.dtype.name} {list(matrix.shape)}"
        raise DataError("expected vectors of numbers", where=path, found=found)
    if beside is not None:
        return matrix, read_ids(beside), beside
    inside = [a for a in arrays.values() if a.ndim == 1 and a.dtype.kind in "iuU"]
    if len(inside) == 1:
        return matrix, [str(one) for one in inside[0].tolist()], None
    raise ConfigError(
        f"which item each row of the {source.name} vectors belongs to is not said",
        where=path,
        keys=(source.option,),
        found=shapes,
        hint=f"write the ids into a file, one a line in the order of the rows, and name it: "
        f"--features {source.name}={source.where}:ids.txt",
    )


def _ids_beside(source: FeatureSource, path: Path) -> Path | None:
    """The file of ids: the one that was named, or one with the name of the vectors."""
    if source.part:
        named = Path(source.part).expanduser()
        found = next((p for p in (named, path.parent / named) if p.is_file()), None)
        if found is None and (path.suffix == ".npy" or named.suffix in _ID_ENDINGS):
            raise ConfigError(
                "there is no such file of ids",
                where=named,
                keys=(source.option,),
                hint="it is looked for in this folder and beside the vectors",
            )
        return found
    names = (f"{path.stem}{sep}ids{end}" for end in _ID_ENDINGS for sep in "._")
    return next((p for name in names if (p := path.with_name(name)).is_file()), None)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a ``.npz`` file, in memory.

    Raises:
        DamagedFileError: It is truncated, holds pickled objects, or unpacks to far too much.
    """
    try:
        with reading(path, DataError):
            packed = path.stat().st_size
            with zipfile.ZipFile(path) as archive:
                unpacked = sum(part.file_size for part in archive.infolist())
            if unpacked > max(FREE_BYTES, MOST_EXPANSION * packed):
                raise DamagedFileError(
                    f"this file of {packed:,} bytes would unpack to {unpacked:,}",
                    where=path,
                    hint="save the array with numpy.save",
                )
            with np.load(path, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
    except _NPZ_FAULTS as error:
        raise DamagedFileError(
            f"this file is not a complete .npz file of numbers and texts: {reason(error)}",
            where=path,
            hint="save it with numpy.savez(path, ids=ids, vectors=vectors)",
        ) from error


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file.

    Raises:
        DamagedFileError: It is truncated or something else.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        with reading(path, DataError):
            tensors = load_file(path)
    except SafetensorError as error:
        raise DamagedFileError(
            f"this is no whole safetensors file: {reason(error)}", where=path, hint="copy it again"
        ) from error
    return {
        # NumPy has no bfloat16.
        name: (tensor if not tensor.is_floating_point() else tensor.float()).numpy()
        for name, tensor in tensors.items()
    }


def read_ids(path: Path) -> Sequence[str]:
    """Ids in the order of rows: one a line, a JSON list, a ``.npy`` array, or a table's column.

    Raises:
        DataError: The file cannot be read, or a line is empty.
        DamagedFileError: It is not what its name says.
    """
    if path.suffix == ".npy":
        return _ids_of_npy(path)
    if path.suffix not in (".txt", ".json"):
        table = open_file(path, Reading())
        column, found, start = id_column(table), list[str | None](), 0
        for batch in table.batches((column,)):
            rows = Rows(table, batch, np.arange(start, start + batch.num_rows))
            start += batch.num_rows
            found += id_texts(rows, column, "--features").dictionary_decode().to_pylist()
        return _complete(found, path)
    with reading(path, DataError):
        text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".txt":
        return _complete([line or None for line in text.splitlines()], path)
    try:
        listed = json.loads(text)
    except ValueError as error:
        what = f"this file is not JSON: {reason(error)}"
        raise DamagedFileError(what, where=path, hint="write a list of ids") from error
    plain = isinstance(listed, list) and all(type(one) in (str, int) for one in listed)
    if not plain:
        raise DataError(
            "expected a JSON list of ids", where=path, hint='write for instance ["0012", "0013"]'
        )
    return [str(one) for one in listed]


def _ids_of_npy(path: Path) -> Sequence[str]:
    try:
        with reading(path, DataError):
            array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, TypeError) as error:
        raise DamagedFileError(
            f"this is no .npy file of texts or whole numbers: {reason(error)}",
            where=path,
            hint="write the ids into a text file, one a line",
        ) from error
    if array.ndim != 1 or array.dtype.kind not in "iuU":
        found = f"{array.dtype.name} {list(array.shape)}"
        raise DataError("expected a row of ids, texts or whole numbers", where=path, found=found)
    return [str(one) for one in array.tolist()]


def _complete(ids: Sequence[str | None], path: Path) -> Sequence[str]:
    missing = next((at for at, one in enumerate(ids) if one is None), None)
    if missing is not None:
        raise DataError(
            f"id {missing + 1:,} is empty",
            where=path,
            hint="each line stands for one vector: write the id of its item",
        )
    return [str(one) for one in ids]
