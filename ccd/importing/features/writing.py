"""Write the features of a data set: one ``.npy`` for each modality, row i for item i."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ccd.datasets.features import scan_features
from ccd.errors import ConfigError, DataError
from ccd.files import replacing
from ccd.importing.features.alignment import CONSTANT, NON_FINITE, ZERO, Alignment
from ccd.importing.features.encoding import find_contents
from ccd.importing.features.opening import open_reader
from ccd.importing.features.options import FeaturePolicy, FeatureSource
from ccd.importing.features.reader import VectorReader
from ccd.terminal.stdout import say as say_line

Progress = Callable[[str, float], None]
"""Told what is going on, and which share of it is done, in [0, 1]."""


def _silent(_what: str, _share: float) -> None:
    pass


@dataclass(frozen=True)
class FeatureReport:
    """What was found in one source of features, and what was written.

    Attributes:
        name: Of the modality.
        file: The file that was written.
        source: What it came from: path, kind, bytes and hash; the encoder where one was used.
        dtype: ``float32`` or ``float16``.
        dimension: Numbers of a vector.
        items: Rows that were written.
        missing: Items without a vector, whose row is zero.
        rows: Rows of the source.
        unknown_ids: Rows whose id is no item.
        duplicates: Rows whose id was there before.
        empty: Rows without a vector or an id.
        zero: Items whose vector is zero, which is the same as having none.
        constant: Items whose vector is one number throughout.
        non_finite: Items whose vector has a NaN or an infinity.
        unreadable: Items whose image cannot be read.
        repeated: Items whose vector is that of another item too.
        constant_columns: Numbers that are the same in all vectors.
    """

    name: str
    file: str
    source: dict[str, Any]
    dtype: str
    dimension: int
    items: int
    missing: int
    rows: int
    unknown_ids: int
    duplicates: int
    empty: int
    zero: int
    constant: int
    non_finite: int
    unreadable: int
    repeated: int
    constant_columns: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def write_features(
    sources: Sequence[FeatureSource],
    item_ids: Sequence[str],
    items: Mapping[str, Any] | None,
    folder: Path,
    policy: FeaturePolicy,
    *,
    progress: Progress = _silent,
    say: Callable[[str], None] = say_line,
) -> list[FeatureReport]:
    """Write ``NAME_feat.npy`` for each source, its rows in the order of ``item_ids``.

    Args:
        sources: Where the vectors come from.
        item_ids: Distinct ids of the items, by position.
        items: Column name to its cells in the same order, for encoders of text.
        folder: Where the files go.
        policy: What to do with rows that are not as they should be.
        progress: Told how far it is.
        say: Told, in a line, what a person must know before it happens, such as a download.

    Raises:
        DataError: A source is not what it must be, the policy refuses what it holds, or a vector
            does not fit into float16.
        DamagedFileError: A file is truncated, or holds pickled objects.
        ConfigError: An option cannot be used.
        ResourceError: An encoder cannot be had, or a file not be written.
    """
    refuse_repeated(sources)
    return [
        _write(
            open_reader(source, item_ids, items, policy, say), item_ids, folder, policy, progress
        )
        for source in sources
    ]


def featured(
    sources: Sequence[FeatureSource],
    item_ids: Sequence[str],
    items: Mapping[str, Any] | None,
    policy: FeaturePolicy,
    *,
    progress: Progress = _silent,
) -> np.ndarray:
    """Which items have a vector in every source ``[n_items]``; what ``missing='drop'`` keeps.

    Nothing is encoded: an item whose text or image is there counts as having a vector.

    Raises:
        DataError: As ``write_features``.
    """
    refuse_repeated(sources)
    there = np.ones(len(item_ids), dtype=bool)
    for source in sources:
        if source.encoded:
            there &= np.isin(item_ids, find_contents(source, item_ids, items).ids)
            continue
        reader = open_reader(source, item_ids, items, policy, say_line)
        alignment = Alignment(reader, item_ids, policy)
        for _ in _aligned(alignment, progress):
            pass
        there &= alignment.has_vector()
    return there


def refuse_repeated(sources: Sequence[FeatureSource]) -> None:
    """Refuse two sources of one modality.

    Raises:
        ConfigError: There are two.
    """
    names = [source.name.lower() for source in sources]
    twice = next((s for at, s in enumerate(sources) if s.name.lower() in names[:at]), None)
    if twice is not None:
        first = sources[names.index(twice.name.lower())]
        raise ConfigError(
            f"there are two sources of '{twice.name}'",
            keys=tuple(dict.fromkeys((first.option, twice.option))),
            details=[str(first), str(twice)],
            hint="give one of them another name",
        )


def _write(
    reader: VectorReader,
    item_ids: Sequence[str],
    folder: Path,
    policy: FeaturePolicy,
    progress: Progress,
) -> FeatureReport:
    path = folder / reader.source.file
    alignment = Alignment(reader, item_ids, policy)
    dtype = np.dtype(np.float16 if policy.float16 else np.float32)
    with replacing(path) as temporary:
        matrix: np.memmap | None = None
        for positions, vectors in _aligned(alignment, progress):
            if matrix is None:
                shape = (len(item_ids), vectors.shape[1])
                matrix = np.lib.format.open_memmap(temporary, "w+", dtype, shape)
            matrix[positions] = vectors
        if matrix is None:
            raise DataError(
                f"there is no {reader.source.name} vector of any item",
                where=reader.path,
                keys=(reader.source.option,),
            )
        _refuse_missing(alignment, policy)
        scan = scan_features(matrix)
        matrix.flush()
        dimension = matrix.shape[1]
        del matrix
    states = np.bincount(alignment.state, minlength=5)
    return FeatureReport(
        name=reader.source.name,
        file=path.name,
        source={"path": reader.source.where, "kind": reader.kind, **content_hash(reader.hashes()),
                **reader.about()},
        dtype=dtype.name,
        dimension=dimension,
        items=len(item_ids),
        missing=scan.zero,
        **asdict(alignment.counts),
        zero=int(states[ZERO]),
        constant=int(states[CONSTANT]),
        non_finite=int(states[NON_FINITE]),
        unreadable=reader.unreadable,
        repeated=scan.repeated,
        constant_columns=scan.constant,
    )  # fmt: skip


def content_hash(files: Sequence[tuple[Path, str]]) -> dict[str, Any]:
    """Number of files, bytes, and SHA-256; of several files, that of their names and hashes.

    Empty where there are no files.

    Args:
        files: Each with its SHA-256.
    """
    if not files:
        return {}
    size = sum(path.stat().st_size for path, _ in files)
    if len(files) == 1:
        return {"files": 1, "bytes": size, "sha256": files[0][1]}
    listed = "\n".join(f"{digest}  {path.name}" for path, digest in files)
    return {"files": len(files), "bytes": size,
            "sha256": hashlib.sha256(listed.encode()).hexdigest()}  # fmt: skip


def _aligned(alignment: Alignment, progress: Progress) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions and vectors of all blocks, of one width."""
    reader = alignment.reader
    dim = 0
    verb = "encoding" if reader.source.encoded else "reading features:"
    wanted = frozenset(alignment.item_ids)
    for block in reader.blocks(wanted):
        progress(f"{verb} {reader.source.name}", reader.done / max(1, reader.size))
        positions, vectors = alignment.aligned(block)
        if len(positions):
            if dim and vectors.shape[1] != dim:
                raise DataError(
                    f"expected {reader.source.name} vectors of {dim} numbers, as before",
                    where=reader.place(int(block.rows[0])),
                    found=f"{vectors.shape[1]}",
                )
            dim = vectors.shape[1]
            yield positions, vectors
    alignment.refuse_strangers()


def _refuse_missing(alignment: Alignment, policy: FeaturePolicy) -> None:
    missing = np.flatnonzero(~alignment.has_vector())
    if policy.missing != "refuse" or not len(missing):
        return
    shown = ", ".join(repr(alignment.item_ids[at]) for at in missing[:3])
    name, n_items = alignment.reader.source.name, len(alignment.item_ids)
    raise DataError(
        f"{len(missing):,} of {n_items:,} items have no {name} vector",
        where=alignment.reader.path,
        keys=("--missing-features",),
        found=shown,
        hint="add them, or write --missing-features keep or --missing-features drop",
    )
