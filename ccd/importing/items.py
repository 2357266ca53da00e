"""Tables of items: what is known about each, joined by id and put into the order of the items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ccd.datasets.imported import ITEM_ID, PURCHASABLE
from ccd.errors import DataError, Place, reason
from ccd.importing.cells import Rows, id_texts, is_text, plain
from ccd.importing.columns import known_column
from ccd.importing.options import ImportOptions
from ccd.importing.sources import Source

if TYPE_CHECKING:
    import pyarrow as pa

_NAMES = ("title", "name", "item_name", "product_title", "product_name", "movie_title")
_YES = {"true", "1", "yes", "y", "t", "in stock", "in_stock", "available"}
_NO = {"false", "0", "no", "n", "f", "out of stock", "out_of_stock", "unavailable"}


@dataclass(frozen=True)
class ItemTable:
    """What the tables say of items, in the order of their rows; each id is there once.

    Attributes:
        ids: Their ids ``[n]``.
        columns: Name to cells ``[n]``; not the ids.
        name: Column of names; None where there is none.
        notes: What was noticed.
        record: What the report says about each table.
    """

    ids: pa.Array
    columns: dict[str, pa.Array]
    name: str | None
    notes: tuple[str, ...]
    record: list[dict[str, Any]]


def read_items(sources: Sequence[Source], item_column: str, options: ImportOptions) -> ItemTable:
    """Read tables of items and join them by id.

    Args:
        sources: The tables.
        item_column: What the events call the column of ids.
        options: The column of ids, of names, and of what can be had, where they are named.

    Raises:
        DataError: A column is not there, is in two tables, or holds what it must not.
    """
    # Tables with the same columns are parts of one table, such as shards.
    parts: dict[frozenset[str], list[Source]] = {}
    for source in sources:
        parts.setdefault(frozenset(source.columns), []).append(source)
    tables = [(group[0], *_read(group, item_column, options)) for group in parts.values()]
    ids, columns, home = tables[0][1], dict[str, Any](), dict[str, Source]()
    for _, own, *_ in tables[1:]:
        ids = _union(ids, own)
    for source, own, cells, *_ in tables:
        for name, column in cells.items():
            if name in columns:
                raise DataError(
                    f"column '{name}' is in two tables of items",
                    where=[home[name].place(None), source.place(None)],
                    keys=("--items",),
                    hint="rename it in one of them",
                )
            columns[name], home[name] = _aligned(ids, own, column), source
    for option, named in (("--item-name", options.item_name), ("--purchasable",
                                                               options.purchasable)):  # fmt: skip
        if named is not None and named not in columns:
            sources[0].need(named, option)
    if options.purchasable is not None:
        wanted = options.purchasable
        columns[PURCHASABLE] = _yes_or_no(columns.pop(wanted), wanted, home[wanted].place(None))
    lower = {name.lower(): name for name in reversed(list(columns))}
    guessed = next((lower[name] for name in _NAMES if name in lower), None)
    called = options.item_name or guessed
    if called is not None and not is_text(columns[called]):
        called = None
    notes = tuple(note for *_, found, _ in tables for note in found)
    return ItemTable(ids, columns, called, notes, [record for *_, record in tables])


def items_in_order(table: ItemTable | None, item_ids: pa.Array) -> dict[str, pa.Array]:
    """The columns of ``items.parquet``: ids, and what the tables say, by position."""
    found = {ITEM_ID: item_ids}
    if table is not None:
        found |= {
            name: _aligned(item_ids, table.ids, column) for name, column in table.columns.items()
        }
    return found


def _read(
    parts: Sequence[Source], item_column: str, options: ImportOptions
) -> tuple[pa.Array, dict[str, pa.Array], list[str], dict[str, Any]]:
    """Distinct ids, the other columns, notes, and what the report says, of one table in parts."""

    source = parts[0]
    if options.item_id is not None:
        key = source.need(options.item_id, "--item-id")
    else:
        key = _key(source, item_column)
    ids: list[pa.Array] = []
    cells: dict[str, list[pa.Array]] = {name: [] for name in source.columns if name != key}
    if ITEM_ID in cells:
        raise DataError(
            f"a column is called '{ITEM_ID}', but '{key}' was taken for the ids",
            where=source.place(None),
            keys=("--item-id",),
            hint=f"write --item-id {ITEM_ID}, or rename it",
        )
    for part in parts:
        first = 0
        for batch in part.batches(source.columns):
            rows = Rows(part, batch, np.arange(first, first + batch.num_rows))
            ids.append(id_texts(rows, key, "--item-id").dictionary_decode())
            for name, chunks in cells.items():
                chunks.append(plain(batch.column(name)))
            first += batch.num_rows
    if not ids:
        raise DataError("this table of items is empty", where=source.place(None))
    all_ids = _joined(ids, source, key)
    rows_of, notes, counts = _first_of_each(all_ids, source)
    columns = {name: _joined(chunks, source, name).take(rows_of) for name, chunks in cells.items()}
    record = {"rows": len(all_ids), "id": key, "columns": [*columns], **counts}
    return all_ids.take(rows_of), columns, notes, record


def _key(source: Source, item_column: str) -> str:
    for candidate in (item_column, known_column("item", source.columns), "id"):
        if candidate in source.columns:
            return str(candidate)
    raise DataError(
        "which column holds the items' ids is not clear",
        where=source.place(None),
        keys=("--item-id",),
        found=", ".join(source.columns[:20]),
        hint=f"name it: --item-id {source.columns[0]!r}",
    )


def _joined(chunks: list[pa.Array], source: Source, name: str) -> pa.Array:
    """One column of all batches.

    Raises:
        DataError: Its parts are of different types.
    """
    import pyarrow as pa

    try:
        return pa.concat_arrays(chunks)
    except pa.ArrowInvalid as error:
        what = f"column '{name}' is of different types in the parts of this table"
        raise DataError(what, where=source.place(None), details=[reason(error)]) from error


def _first_of_each(ids: pa.Array, source: Source) -> tuple[pa.Array, list[str], dict[str, int]]:
    """Row of the first of each id, with notes on repeated and missing ids."""
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = ids.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy()
    distinct, rows = np.unique(codes, return_index=True)
    rows = np.sort(rows[distinct >= 0])
    missing = int(pc.sum(pc.is_null(ids)).as_py() or 0)
    repeated = len(ids) - missing - len(rows)
    notes = []
    if missing:
        notes.append(f"{source.path.name}: {missing:,} rows have no item id and were left out")
    if repeated:
        notes.append(
            f"{source.path.name}: {repeated:,} rows repeat the id of an earlier row, which counts"
        )
    return pa.array(rows), notes, {"without_id": missing, "repeated": repeated}


def _union(first: pa.Array, second: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    new = second.filter(pc.invert(pc.is_in(second, first)))
    return pa.concat_arrays([first, new])


def _aligned(wanted: pa.Array, own: pa.Array, column: pa.Array) -> pa.Array:
    """The cells of ``column``, whose rows are ``own``, in the order of ``wanted``; else null."""
    import pyarrow.compute as pc

    return column.take(pc.index_in(wanted, own))


def _yes_or_no(column: pa.Array, name: str, where: Place) -> pa.Array:
    """A column as true and false."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_boolean(column.type):
        return column
    known = dict.fromkeys(_YES, True) | dict.fromkeys(_NO, False)
    texts = pc.utf8_lower(column.cast(pa.string())).to_pylist()
    odd = next((text for text in texts if text is not None and text not in known), None)
    if odd is not None:
        raise DataError(
            f"column '{name}': expected yes or no",
            where=where,
            keys=("--purchasable",),
            found=repr(odd),
            hint="write true or false",
        )
    return pa.array([None if text is None else known[text] for text in texts], pa.bool_())
