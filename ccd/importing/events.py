"""Read events: who took what and when, with every row that is left out counted under a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ccd.errors import DataError
from ccd.importing.cells import Moments, Rows, as_date, id_texts, moment, numbers, there
from ccd.importing.columns import LABELS, Roles
from ccd.importing.conditions import evaluate
from ccd.importing.options import ImportOptions
from ccd.importing.sources import Source
from ccd.importing.where import columns_of, parse_where

if TYPE_CHECKING:
    import pyarrow as pa

Progress = Callable[[str, float], None]
"""Told what is going on, and which share of it is done, in [0, 1]."""

NO_TIME = np.iinfo(np.int64).min
"""Stands for a time that is not known."""
_UNIFY_EVERY = 16


@dataclass(frozen=True)
class Events:
    """Events by position.

    Attributes:
        users: int32 positions in ``user_ids`` ``[n]``.
        items: int32 positions in ``item_ids`` ``[n]``.
        times: int64 microseconds since 1970 ``[n]``, ``NO_TIME`` where there is none; None where
            no source has times.
        values: float32 where that is exact, else float64 ``[n]``, NaN where there is none; None
            where no source has values.
        labels: int8 split ``[n]``: 0 train, 1 validation, 2 test; None where there is none yet.
        user_ids: Distinct ids, sorted: as numbers where all are, else as texts.
        item_ids: The same of items.
    """

    users: np.ndarray
    items: np.ndarray
    times: np.ndarray | None
    values: np.ndarray | None
    labels: np.ndarray | None
    user_ids: pa.Array
    item_ids: pa.Array

    def __len__(self) -> int:
        return len(self.users)

    def take(self, rows: np.ndarray) -> Events:
        """Some of the events: by mask, or by position in any order."""
        return Events(
            self.users[rows],
            self.items[rows],
            None if self.times is None else self.times[rows],
            None if self.values is None else self.values[rows],
            None if self.labels is None else self.labels[rows],
            self.user_ids,
            self.item_ids,
        )


@dataclass
class EventLog:
    """What reading found.

    Attributes:
        rows: Rows of all sources.
        dropped: Reason to the number of rows left out for it, in the order of the checks.
        time_units: File to what its times were taken for.
    """

    rows: int
    dropped: Counter[str]
    time_units: dict[str, str]


def read_events(
    sources: Sequence[tuple[Source, Roles]], options: ImportOptions, progress: Progress
) -> tuple[Events, EventLog]:
    """Read all sources, leaving out what the options exclude and rows without an id.

    Raises:
        DataError: A cell is not what its column must hold, or nothing is left.
        ConfigError: The condition cannot be read, or is about columns that are not there.
    """
    reader = _Reader(options)
    total = sum(source.size for source, _ in sources) or 1
    before = 0
    for source, roles in sources:
        for _ in reader.read(source, roles):
            progress("reading events", min((before + source.done) / total, 1.0))
        before += source.size
    if not reader.n:
        left_out = [f"{n:,}: {why}" for why, n in reader.log.dropped.items() if n]
        raise DataError(
            "no event is left" if reader.log.rows else "there are no events",
            where=[source.place(None) for source, _ in sources[:3]],
            details=[f"rows read: {reader.log.rows:,}", *left_out],
            hint="leave less out, or name other columns",
        )
    return reader.events(), reader.log


class _Reader:
    """Collects the columns of events batch by batch."""

    def __init__(self, options: ImportOptions) -> None:
        self._options = options
        self._where = parse_where(options.where) if options.where else None
        self._since = moment(options.since, "--since") if options.since else None
        self._users, self._items = _Ids(), _Ids()
        self._times, self._values, self._labels = (
            _Numbers(NO_TIME), _Numbers(np.nan), _Numbers(0)
        )  # fmt: skip
        self.n = 0
        self.log = EventLog(0, Counter(), {})

    def read(self, source: Source, roles: Roles) -> Iterator[None]:
        """Read one source, stopping after each batch."""
        wanted = [roles.user, roles.item, roles.time, roles.value, roles.label]
        if self._where:
            wanted += [source.need(name, "--where") for name in columns_of(self._where)]
        self._refuse_missing(source, roles)
        columns = list(dict.fromkeys(name for name in wanted if name is not None))
        moments, first = Moments(), 0
        for batch in source.batches(columns):
            at = np.arange(first, first + batch.num_rows)
            self._add(Rows(source, batch, at), roles, moments)
            first += batch.num_rows
            yield
        self.log.rows += first
        if moments.unit:
            self.log.time_units[source.place(None).file] = moments.unit

    def events(self) -> Events:
        """All that was read."""
        import pyarrow as pa

        # What Arrow keeps for itself would be as much again as the events.
        pa.default_memory_pool().release_unused()
        (users, user_ids), (items, item_ids) = self._users.finish(), self._items.finish()
        return Events(
            users, items, self._times.finish(self.n), self._values.finish(self.n),
            self._labels.finish(self.n), user_ids, item_ids,
        )  # fmt: skip

    def _refuse_missing(self, source: Source, roles: Roles) -> None:
        options = self._options
        lacking = {
            "time": roles.time is None and (self._since is not None or options.split.needs_time),
            "value": roles.value is None and options.value_at_least is not None,
            "label": options.split.by == "labels" and not roles.labelled,
        }
        for role, is_lacking in lacking.items():
            if is_lacking:
                raise DataError(
                    f"no column is known to hold the {role} of an event",
                    where=source.place(None),
                    keys=(f"--{role}",),
                    found=", ".join(source.columns[:20]),
                    hint=f"name it with --{role} COLUMN, or leave out the option that needs it",
                )

    def _add(self, rows: Rows, roles: Roles, moments: Moments) -> None:
        import pyarrow.compute as pc

        options = self._options
        if self._where is not None:
            rows = self._left(rows, evaluate(self._where, rows), f"not where {options.where}")
        for role in ("user", "item"):
            rows = self._left(rows, there(rows, getattr(roles, role)), f"no {role}")
        if options.value_at_least is not None:
            enough = pc.greater_equal(numbers(rows, str(roles.value)), options.value_at_least)
            rows = self._left(rows, enough, f"value below {options.value_at_least:g}")
        if roles.time is not None and (self._since is not None or options.split.needs_time):
            rows = self._left(rows, there(rows, roles.time), "no time")
        if roles.time is not None and self._since is not None:
            late = pc.greater_equal(moments.read(rows, roles.time), self._since)
            rows = self._left(rows, late, f"before {as_date(self._since)}")
        self._keep(rows, roles, moments)

    def _left(self, rows: Rows, mask: pa.Array, reason: str) -> Rows:
        """The rows of the mask; the others are counted."""
        left = rows.where(mask)
        self.log.dropped[reason] += len(rows) - len(left)
        return left

    def _keep(self, rows: Rows, roles: Roles, moments: Moments) -> None:
        if not len(rows):
            return
        self._users.add(id_texts(rows, roles.user, "--user"))
        self._items.add(id_texts(rows, roles.item, "--item"))
        if roles.time is not None:
            self._times.add(self.n, moments.read(rows, roles.time).fill_null(NO_TIME))
        if roles.value is not None:
            self._values.add(self.n, _short(numbers(rows, roles.value).fill_null(np.nan)))
        if self._options.split.by == "labels":
            self._labels.add(self.n, _labels(rows, roles))
        self.n += len(rows)


class _Ids:
    """Numbers ids as they come; sorts them in the end."""

    def __init__(self) -> None:
        self._chunks: list[pa.DictionaryArray] = []
        self._codes: list[np.ndarray] = []

    def add(self, chunk: pa.DictionaryArray) -> None:
        self._chunks.append(chunk)
        if len(self._chunks) > _UNIFY_EVERY:
            self._unify()

    def finish(self) -> tuple[np.ndarray, pa.Array]:
        """int32 positions ``[n]`` and the ids, sorted."""
        ids = self._unify()
        order = sorted_order(ids)
        rank = np.empty(len(order), dtype=np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        for i, codes in enumerate(self._codes):
            self._codes[i] = rank[codes]
        codes = np.concatenate(self._codes)
        self._codes = []
        return codes, ids.take(order)

    def _unify(self) -> pa.Array:
        """Number all chunks by one dictionary, which an empty first chunk remembers."""
        import pyarrow as pa

        chunks = pa.chunked_array(self._chunks).unify_dictionaries().chunks
        self._codes += [chunk.indices.to_numpy().astype(np.int32) for chunk in chunks]
        ids = chunks[0].dictionary
        none = pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), ids)
        self._chunks = [none]
        return ids


class _Numbers:
    """A column of numbers that some sources may lack.

    Args:
        missing: Stands where a source lacks it.
    """

    def __init__(self, missing: float) -> None:
        self._missing = missing
        self._parts: list[np.ndarray] = []
        self._n = 0

    def add(self, first: int, part: pa.Array | np.ndarray) -> None:
        """Add the cells of the rows from ``first`` on."""
        array = part if isinstance(part, np.ndarray) else part.to_numpy()
        self._fill(first, array.dtype)
        self._parts.append(array)
        self._n += len(array)

    def finish(self, n: int) -> np.ndarray | None:
        """All ``n`` cells; None where no source has them."""
        if not self._parts:
            return None
        self._fill(n, self._parts[0].dtype)
        parts, self._parts = self._parts, []
        return np.concatenate(parts)

    def _fill(self, first: int, dtype: np.dtype) -> None:
        if first > self._n:
            self._parts.append(np.full(first - self._n, self._missing, dtype=dtype))
            self._n = first


def sorted_order(ids: pa.Array) -> np.ndarray:
    """Positions that sort ids: as numbers where all are whole numbers, else as texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = pc.match_substring_regex(ids, r"^(0|-?[1-9]\d{0,17})$")
    keys = ids.cast(pa.int64()) if pc.all(whole).as_py() else ids
    return pc.sort_indices(keys).to_numpy()


def _short(values: pa.Array) -> np.ndarray:
    """Numbers with half the bytes where that loses nothing."""
    whole: np.ndarray = values.to_numpy()
    half = whole.astype(np.float32)
    return half if np.array_equal(half, whole, equal_nan=True) else whole


def _labels(rows: Rows, roles: Roles) -> np.ndarray:
    """The split of each row as int8."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if roles.label is None:
        return np.full(len(rows), roles.file_label, dtype=np.int8)
    name = roles.label
    column = rows.column(name)
    texts = pc.utf8_lower(column.cast(pa.string()))
    encoded = texts.dictionary_encode()
    known = [LABELS.get(str(text), -1) for text in encoded.dictionary.to_pylist()]
    codes = np.append(np.array(known, dtype=np.int8), np.int8(-1))
    found: np.ndarray = codes[encoded.indices.fill_null(len(known)).to_numpy()]
    if (found < 0).any():
        hint = "write train, valid or test, or 0, 1 or 2"
        raise rows.refusal(pa.array(found < 0), name, "a split", hint)
    return found
