"""Cells as numbers, times and texts, whatever form a source has them in."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import numpy as np

from ccd.errors import ConfigError, DataError, reason
from ccd.importing.sources import Source

if TYPE_CHECKING:
    import pyarrow as pa

_NUMBER = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"
_ZONED = r"([Zz]|[+-]\d\d(:?\d\d)?)$"
_ISO = r"^\d{4}-\d\d-\d\d([ Tt]\d\d(:?\d\d(:?\d\d([.,]\d{1,9})?)?)?([Zz]|[+-]\d\d(:?\d\d)?)?)?$"
_UNITS = ((1e11, 1_000_000, "seconds"), (1e14, 1_000, "milliseconds"), (1e17, 1, "microseconds"),
          (np.inf, -1_000, "nanoseconds"))  # fmt: skip
"""Up to which number a time counts what since 1970, and its microseconds (negative: a divisor)."""


@dataclass(frozen=True)
class Rows:
    """Rows of a source, of which some were left out already.

    Attributes:
        source: Where they are from.
        batch: Their cells.
        at: Number of each in the source, counted from 0 ``[n]``.
    """

    source: Source
    batch: pa.RecordBatch
    at: np.ndarray

    def __len__(self) -> int:
        return len(self.at)

    def column(self, name: str) -> pa.Array:
        """A column without dictionaries and rare types of text."""
        return plain(self.batch.column(name))

    def where(self, mask: pa.Array) -> Rows:
        """Those for which the mask is true; null counts as false."""
        import pyarrow.compute as pc

        kept = pc.fill_null(mask, False)
        if pc.all(kept).as_py():
            return self
        return Rows(self.source, self.batch.filter(kept), self.at[kept.to_numpy(False)])

    def refusal(self, bad: pa.Array, name: str, expected: str, hint: str) -> DataError:
        """The refusal of the first row whose cell is ``bad``."""
        import pyarrow.compute as pc

        first = pc.index(pc.fill_null(bad, False), True).as_py()
        cell = self.batch.column(name)[first].as_py()
        return DataError(
            f"column '{name}': expected {expected}",
            where=self.source.place(int(self.at[first])),
            found=repr(str(cell)[:60]),
            hint=hint,
        )


def plain(column: pa.Array) -> pa.Array:
    """A column as one of Arrow's plain types."""
    import pyarrow as pa

    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        return column.cast(pa.string())
    return column


def is_text(column: pa.Array) -> bool:
    """Whether the cells are texts."""
    import pyarrow as pa

    return pa.types.is_string(column.type)


def numbers(rows: Rows, name: str) -> pa.Array:
    """A column as float64 ``[n]``; null where a cell is empty or NaN.

    Raises:
        DataError: A cell is no number.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    column = rows.column(name)
    if is_text(column):
        bad = pc.invert(pc.match_substring_regex(column, _NUMBER))
        if pc.any(bad).as_py():
            raise rows.refusal(bad, name, "a number", "correct the cell, or leave it empty")
        column = pc.utf8_trim_whitespace(column)
    elif not _is_number(column):
        bad = pc.is_valid(column)
        raise rows.refusal(bad, name, "a number", f"it holds {column.type}: name another column")
    found = column.cast(pa.float64(), safe=False)
    return pc.if_else(pc.is_finite(found), found, pa.scalar(None, pa.float64()))


class Moments:
    """Reads the times of one source; how they are written is found out from the first.

    Attributes:
        unit: What was found, for people; empty before the first number.
    """

    def __init__(self) -> None:
        self.unit = ""
        self._factor = 0
        self._written = ""

    def read(self, rows: Rows, name: str) -> pa.Array:
        """A column as int64 microseconds since 1970 in UTC ``[n]``; null where a cell is empty.

        Raises:
            DataError: A cell is no time.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        column = rows.column(name)
        if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
            self.unit = self.unit or str(column.type)
            return column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        if not is_text(column):
            return self._counted(rows, name, numbers(rows, name), column)
        column = pc.utf8_trim_whitespace(column)
        if not self._written:
            first = next((cell for cell in column.to_pylist() if cell), "")
            self._written = _NUMBER if re.fullmatch(_NUMBER, first) else _ISO
        bad = pc.invert(pc.match_substring_regex(column, self._written))
        if pc.any(bad).as_py():
            raise rows.refusal(bad, name, "a time", _TIME_HINT)
        if self._written == _NUMBER:
            return self._counted(rows, name, numbers(rows, name), column)
        self.unit = self.unit or "ISO 8601"
        try:
            return _from_iso(column)
        except pa.ArrowInvalid:
            bad = pa.array([not _is_time(cell) for cell in column.to_pylist()])
            raise rows.refusal(bad, name, "a time", _TIME_HINT) from None

    def _counted(self, rows: Rows, name: str, found: pa.Array, column: pa.Array) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        if not self._factor and found.null_count < len(found):
            most = pc.max(pc.abs(found)).as_py()
            self._factor, self.unit = next((f, unit) for top, f, unit in _UNITS if most < top)
        whole = column if pa.types.is_integer(column.type) else None
        if self._factor < 0:
            exact = whole.cast(pa.int64()) if whole is not None else found.cast(pa.int64())
            return pc.divide(exact, -self._factor)
        far = pc.greater(pc.abs(found), 9e18 / max(self._factor, 1))
        if pc.any(far).as_py():
            raise rows.refusal(far, name, f"a time in {self.unit} since 1970", _TIME_HINT)
        return pc.round(pc.multiply(found, float(self._factor or 1))).cast(pa.int64())


_TIME_HINT = "write all as 2024-05-01, as 2024-05-01T12:30:00Z, or as seconds since 1970"


def _from_iso(column: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pc.replace_substring(column, ",", ".")
    zoned = pc.match_substring_regex(column, f"[ Tt].*{_ZONED}")
    none = pa.scalar(None, pa.string())
    local = pc.if_else(zoned, none, column).cast(pa.timestamp("us"))
    in_utc = pc.if_else(zoned, column, none).cast(pa.timestamp("us", "UTC"))
    return pc.coalesce(local.cast(pa.int64()), in_utc.cast(pa.int64()))


def _is_time(cell: str | None) -> bool:
    import pyarrow as pa

    try:
        _from_iso(pa.array([cell], pa.string()))
    except pa.ArrowInvalid:
        return False
    return True


def moment(text: str, option: str) -> int:
    """A date or time that an option names, as microseconds since 1970 in UTC.

    Raises:
        ConfigError: It is none.
    """
    if re.fullmatch(_ISO, text.strip()):
        import pyarrow as pa

        try:
            return int(_from_iso(pa.array([text.strip()]))[0].as_py())
        except pa.ArrowInvalid:
            pass
    raise ConfigError(
        f"expected a date for {option}",
        keys=(option,),
        found=repr(text),
        hint=f"write {option} 2024-05-01 or {option} 2024-05-01T12:30:00Z",
    )


def as_date(moment_: int) -> str:
    """A time in microseconds since 1970 as a date and time in UTC, for people."""
    try:
        when = datetime.fromtimestamp(moment_ / 1e6, tz=timezone.utc)
    except (OverflowError, ValueError, OSError):
        return f"{moment_} microseconds since 1970"
    return when.strftime("%Y-%m-%d %H:%M:%S").removesuffix(" 00:00:00")


def there(rows: Rows, name: str) -> pa.Array:
    """Which cells of a column hold something ``[n]``: not null, NaN or an empty text."""
    import pyarrow.compute as pc

    column = rows.column(name)
    found = pc.invert(pc.is_null(column, nan_is_null=True))
    return (
        pc.and_(found, pc.fill_null(pc.not_equal(column, ""), False)) if is_text(column) else found
    )


def id_texts(rows: Rows, name: str, option: str) -> pa.Array:
    """Ids in their own form, as a dictionary of texts ``[n]``; null where there is none.

    Raises:
        DataError: The column holds no ids.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    column = rows.column(name)
    if pa.types.is_floating(column.type):
        column = _whole(rows, name, column, option)
    if is_text(column):
        none = pa.scalar(None, pa.string())
        return pc.if_else(pc.equal(column, ""), none, column).dictionary_encode()
    if pa.types.is_nested(column.type):
        raise _no_ids(rows, name, column.type, option)
    encoded = column.dictionary_encode()
    texts = _texts(rows, name, encoded.dictionary, option)
    return pa.DictionaryArray.from_arrays(encoded.indices, texts)


def _whole(rows: Rows, name: str, column: pa.Array, option: str) -> pa.Array:
    """Whole numbers that a missing value has turned into floating point."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    exact = 2**53 if column.type == pa.float64() else 2**24
    bad = pc.or_(pc.not_equal(column, pc.floor(column)), pc.greater(pc.abs(column), exact))
    if pc.any(bad).as_py():
        hint = f"write ids as texts or whole numbers, or name another column with {option}"
        raise rows.refusal(bad, name, "an id", hint)
    return column.cast(pa.int64())


def _texts(rows: Rows, name: str, values: pa.Array, option: str) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_integer(values.type) or pa.types.is_boolean(values.type):
        return values.cast(pa.string())
    if pa.types.is_fixed_size_binary(values.type) and values.type.byte_width == 16:
        return pa.array([str(uuid.UUID(bytes=value.as_py())) for value in values])
    if pa.types.is_binary(values.type) or pa.types.is_null(values.type):
        try:
            return values.cast(pa.string())
        except pa.ArrowInvalid as error:
            what = f"column '{name}' holds bytes that are no text: {reason(error)}"
            raise DataError(what, where=rows.source.place(None), keys=(option,)) from error
    raise _no_ids(rows, name, values.type, option)


def _no_ids(rows: Rows, name: str, kind: pa.DataType, option: str) -> DataError:
    return DataError(
        f"column '{name}' holds no ids",
        where=rows.source.place(None),
        keys=(option,),
        found=str(kind),
        hint=f"name the column of ids: {option} COLUMN",
    )


def _is_number(column: pa.Array) -> bool:
    import pyarrow as pa

    kind = column.type
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_null(kind)
    )
