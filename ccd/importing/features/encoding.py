"""Vectors that an encoder makes of texts or images: in batches, each kept, so that it can go on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from ccd.errors import ConfigError, DataError, Place
from ccd.files import file_hash
from ccd.importing.features.folders import files_by_item
from ccd.importing.features.options import FeaturePolicy, FeatureSource
from ccd.importing.features.reader import Block, VectorReader
from ccd.importing.features.vector_cache import VectorCache
from ccd.suggestions import did_you_mean

IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
"""Endings of images."""
_BATCH = 64
_PER_BLOCK = 4096


class Encoder(Protocol):
    """Makes vectors.

    Attributes:
        name: As the user wrote it, or the default.
        version: Hash of its files and versions of its libraries: equal ones make equal vectors.
    """

    name: str
    version: str

    def encode(self, contents: Sequence[Any]) -> list[np.ndarray | None]:
        """Vectors ``[dim]``, float32; None where a content cannot be read."""


class EncodedReader(VectorReader):
    """Texts or images of items, and the vectors that an encoder makes of them.

    Args:
        source: What the user wrote.
        contents: Texts or images.
        encoder: Makes the encoder, when it is needed.
        policy: What to do with images that cannot be read.
    """

    def __init__(
        self,
        source: FeatureSource,
        contents: Contents,
        encoder: Callable[[], Encoder],
        policy: FeaturePolicy,
    ) -> None:
        self._ids, self._contents = contents.ids, contents.contents
        self._strangers, self._policy = contents.strangers, policy
        self._make, self._made = encoder, dict[str, str]()
        self._keys: list[bytes] = []
        self._done = 0
        super().__init__(source, Path(source.where), contents.kind)

    @property
    def size(self) -> int:
        return len(self._ids)

    @property
    def done(self) -> int:
        return self._done

    def about(self) -> dict[str, Any]:
        return self._made

    def place(self, row: int) -> Place:
        content = self._contents[row]
        if isinstance(content, Path):
            return Place(str(content))
        return Place(f"column '{self.source.where}'", note=f"item {self._ids[row]!r}")

    def blocks(self, wanted: Container[str]) -> Iterator[Block]:
        nothing = np.empty((0, 1), dtype=np.float32)
        yield Block((), nothing, np.arange(0), unknown=self._strangers)
        if not self._ids:
            return
        encoder = self._make()
        self._made = {"encoder": encoder.name, "encoder_version": encoder.version}
        with VectorCache(encoder.version) as cache:
            for share in self._encode(encoder, cache):
                self._done = round(share * len(self._ids))
                yield Block((), nothing, np.arange(0))  # so that progress is seen
            for start in range(0, len(self._ids), _PER_BLOCK):
                yield self._block(start, cache.get(self._keys[start : start + _PER_BLOCK]))

    def hashes(self) -> list[tuple[Path, str]]:
        keyed = zip(self._contents, self._keys, strict=True)
        return [(path, key.hex()) for path, key in keyed if isinstance(path, Path)]

    def _encode(self, encoder: Encoder, cache: VectorCache) -> Iterator[float]:
        """Put the vectors of all contents into the cache; yields which share of them is there.

        Which contents share a batch depends on the contents alone, not on what is in the cache:
        the last bits of a vector depend on its neighbours in the batch.
        """
        rows = sorted(range(len(self._ids)), key=lambda row: -_length(self._contents[row]))
        self._keys = [b""] * len(rows)
        seen: set[bytes] = set()
        for start in range(0, len(rows), _BATCH):
            batch: dict[bytes, str | Path] = {}
            for row in rows[start : start + _BATCH]:
                key = self._keys[row] = _key(self._contents[row])
                if key not in seen:
                    batch[key] = self._contents[row]
            seen.update(batch)
            if batch and not cache.has([*batch]):
                cache.put([*batch], encoder.encode([*batch.values()]))
            yield min(1.0, (start + _BATCH) / len(rows))

    def _block(self, start: int, vectors: Sequence[np.ndarray | None]) -> Block:
        readable = [row for row, vector in enumerate(vectors, start) if vector is not None]
        unread = next((row for row, vector in enumerate(vectors, start) if vector is None), None)
        if unread is not None and self._policy.non_finite == "refuse":
            raise DataError(
                f"the image of item {self._ids[unread]!r} cannot be read",
                where=self.place(unread),
                keys=("--non-finite-features",),
                hint="replace or remove it, or write --non-finite-features missing to take such "
                "items as having none",
            )
        empty = len(vectors) - len(readable)
        self.unreadable += empty
        there = [vector for vector in vectors if vector is not None]
        matrix = np.stack(there) if there else np.empty((0, 1), dtype=np.float32)
        return Block([self._ids[row] for row in readable], matrix, np.array(readable), empty=empty)


class Contents(NamedTuple):
    """What is encoded.

    Attributes:
        ids: Item ids; an id of two images comes twice.
        contents: The text or image file of each.
        strangers: Ids of images that are no items.
        images: Whether these are images.
        kind: Where they are from, in words.
    """

    ids: list[str]
    contents: list[str] | list[Path]
    strangers: list[str]
    images: bool
    kind: str


def find_contents(
    source: FeatureSource, item_ids: Sequence[str], items: Mapping[str, Any] | None
) -> Contents:
    """What an ``--encode`` source encodes: a column, or else a folder; blank cells are left out.

    A column whose cells all end as images do, such as ``photos/0012.jpg``, names files of images,
    relative to the current folder.

    Raises:
        ConfigError: It is neither a folder nor a column of the items.
        DataError: The folder holds no images, or an image that a cell names is not there.
    """
    folder = Path(source.where).expanduser()
    if source.where not in _columns(items) and folder.is_dir():
        wanted = frozenset(item_ids)
        files = files_by_item(folder, IMAGES)
        known = [file for file in files if file.stem in wanted]
        strangers = [file.stem for file in files if file.stem not in wanted]
        return Contents([file.stem for file in known], known, strangers, True, "folder of images")
    texts = _texts(source, items)
    there = [at for at, text in enumerate(texts) if text.strip()]
    ids, kind = [item_ids[at] for at in there], f"column '{source.where}' of the items"
    named = source.where in _columns(items)  # several columns make a text
    if there and named and all(texts[at].strip().lower().endswith(IMAGES) for at in there):
        images = [_image(source, item_ids[at], texts[at]) for at in there]
        return Contents(ids, images, [], True, f"images that {kind} names")
    return Contents(ids, [texts[at] for at in there], [], False, kind)


def open_encoded(
    source: FeatureSource,
    item_ids: Sequence[str],
    items: Mapping[str, Any] | None,
    policy: FeaturePolicy,
    say: Callable[[str], None],
) -> EncodedReader:
    """The reader of what an encoder makes; see ``open_reader``."""
    from ccd.importing.features.encoders import image_encoder, text_encoder

    contents = find_contents(source, item_ids, items)

    def make() -> Encoder:
        encoder = image_encoder if contents.images else text_encoder
        return encoder(source.part, policy.device, say)

    return EncodedReader(source, contents, make, policy)


def _texts(source: FeatureSource, items: Mapping[str, Any] | None) -> list[str]:
    """The text of each item: its cells, joined by a blank where several columns are named."""
    names = _columns(items)
    columns = [source.where] if source.where in names else source.where.split(",")
    for column in columns:
        if column not in names:
            raise ConfigError(
                f"{source.option} {source.name}={source.where}: there is neither a folder nor a "
                f"column '{column}' of the items",
                keys=(source.option,),
                hint=did_you_mean(column, names, "columns are", list_all=True)
                if names
                else "give a table of items with --items, or name a folder of images",
            )
    cells = [_plain(items[column]) for column in columns] if items is not None else []
    return [" ".join(filter(None, map(_text, row))) for row in zip(*cells, strict=True)]


def _image(source: FeatureSource, item: str, cell: str) -> Path:
    path = Path(cell.strip()).expanduser()
    if path.is_file():
        return path
    raise DataError(
        f"column '{source.where}' names an image that is not there",
        where=Place(f"column '{source.where}'", note=f"item {item!r}"),
        keys=(source.option,),
        found=repr(cell),
        hint="download it first, or leave the cell empty"
        if "://" in cell
        else "paths are relative to the folder that the command runs in; leave the cell empty "
        "where an item has no image",
    )


def _columns(items: Mapping[str, Any] | None) -> list[str]:
    return list(items) if items is not None else []


def _plain(column: Any) -> Sequence[Any]:
    return column.to_pylist() if hasattr(column, "to_pylist") else column


def _text(cell: Any) -> str:
    if cell is None or cell != cell:
        return ""
    return " ".join(map(_text, cell)) if isinstance(cell, (list, tuple)) else str(cell)


def _length(content: str | Path) -> int:
    """Texts of like length share a batch; images need no order."""
    return len(content) if isinstance(content, str) else 0


def _key(content: str | Path) -> bytes:
    """Hash of what the content holds."""
    if isinstance(content, Path):
        return bytes.fromhex(file_hash(content, unreadable=DataError))
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest()
