"""A condition of ``--where`` worked out by Arrow: true, false, or null where a cell is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ccd.errors import ConfigError
from ccd.importing.cells import Rows, is_text, moment, numbers
from ccd.importing.where import Both, Compare, Condition, IsNull, Not, Value

if TYPE_CHECKING:
    import pyarrow as pa

_FUNCTION = {"==": "equal", "!=": "not_equal", "<": "less", "<=": "less_equal", ">": "greater",
             ">=": "greater_equal"}  # fmt: skip


def evaluate(condition: Condition, rows: Rows) -> pa.Array:
    """The truth of a condition for each row ``[n]``.

    Raises:
        ConfigError: A column is compared with a value of another kind.
        DataError: A text that is compared with a number is none.
    """
    import pyarrow.compute as pc

    match condition:
        case IsNull(column=column):
            return pc.is_null(rows.column(column), nan_is_null=True)
        case Not(of=of):
            return pc.invert(evaluate(of, rows))
        case Both(left=left, right=right, either=either):
            function = pc.or_kleene if either else pc.and_kleene
            return function(evaluate(left, rows), evaluate(right, rows))
        case Compare():
            return _compare(condition, rows)


def _compare(condition: Compare, rows: Rows) -> pa.Array:
    import pyarrow.compute as pc

    sign = "==" if condition.sign == "in" else condition.sign
    found = None
    for value in condition.values:
        column, scalar = _alike(condition.column, value, rows)
        one = pc.call_function(_FUNCTION[sign], [column, scalar])
        found = one if found is None else pc.or_kleene(found, one)
    return found


def _alike(name: str, value: Value, rows: Rows) -> tuple[pa.Array, pa.Scalar]:
    """The column and the value as one type."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = rows.column(name)
    kind = column.type
    if isinstance(value, bool):
        if pa.types.is_boolean(kind):
            return column, pa.scalar(value)
        if is_text(column):
            return pc.utf8_lower(column), pa.scalar(str(value).lower())
    elif isinstance(value, float):
        if is_text(column) or not (pa.types.is_temporal(kind) or pa.types.is_boolean(kind)):
            return numbers(rows, name), pa.scalar(value)
    elif is_text(column):
        return column, pa.scalar(value)
    elif pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        at = pa.scalar(moment(value, "--where"), pa.int64())
        return column.cast(pa.timestamp("us"), safe=False).cast(pa.int64()), at
    shown = repr(value) if isinstance(value, str) else f"{value:g}"
    raise ConfigError(
        f"--where: column '{name}' holds {kind} and cannot be compared with {shown}",
        where=rows.source.path if not rows.source.in_memory else rows.source.place(None),
        keys=("--where",),
        hint="write texts and dates in quotes, and numbers without",
    )
