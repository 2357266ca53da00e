"""Checksums, by which damage to what a run wrote is found where the content alone cannot tell."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ccd.errors import DamagedFileError, Where
from ccd.files import file_hash

_CHECKSUM = "checksum"


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """``record`` with a checksum of all its values; ``unsealed`` takes it off again."""
    return {**record, _CHECKSUM: _checksum(record)}


def unsealed(record: Mapping[str, Any], where: Where, *, required: bool = False) -> dict[str, Any]:
    """What was sealed; a record without a checksum, such as one made by hand, stays as it is.

    Args:
        record: What was read.
        where: The file, or the line of it.
        required: Whether it must have one, as what nobody writes by hand must.

    Raises:
        DamagedFileError: The values are not those that were sealed, or nothing says whether.
    """
    if required and _CHECKSUM not in record:
        raise DamagedFileError(
            "this has no checksum, so it is not what ccd wrote",
            where=where,
            hint="bring it back from a copy, or make it again",
        )
    plain = {key: value for key, value in record.items() if key != _CHECKSUM}
    if _CHECKSUM in record and record[_CHECKSUM] != _checksum(plain):
        raise DamagedFileError(
            "this is not what ccd wrote: its checksum is another",
            where=where,
            hint=f"bring it back from a copy; if you changed it on purpose, drop its '{_CHECKSUM}'",
        )
    return plain


def check_values(
    record: Mapping[str, Any], kinds: Mapping[str, Any], where: Where, hint: str
) -> None:
    """Refuse a record in which one of the named values is of another kind; it may lack some.

    Args:
        record: What was read.
        kinds: Key to the type of its value, such as ``dict[str, str]``.
        where: The file.
        hint: What to do about it.

    Raises:
        DamagedFileError: A value is something else.
    """
    for key in kinds.keys() & record.keys():
        try:
            TypeAdapter(kinds[key]).validate_python(record[key], strict=True)
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(map(str, (key, *problem["loc"])))
            raise DamagedFileError(
                f"'{place}' is not what ccd writes: {problem['msg']}", where=where, hint=hint
            ) from error


def refuse_changed(path: Path, digests: Mapping[str, str], hint: str) -> None:
    """Refuse a file that is not as it was written.

    Args:
        path: The file.
        digests: Name of each file to its digest; a file without one is not checked.
        hint: What to do about it.

    Raises:
        DamagedFileError: It was damaged or changed since.
        ResourceError: It cannot be read.
    """
    if path.name in digests and file_hash(path) != digests[path.name]:
        what = "this file was damaged or changed after ccd wrote it: its checksum is another"
        raise DamagedFileError(what, where=path, hint=hint)


def _checksum(record: Mapping[str, Any]) -> str:
    text = json.dumps(record, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
