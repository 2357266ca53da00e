"""Files of JSON lines, read into the records that they were written from."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from ccd.errors import DamagedFileError, Place
from ccd.files import read_lines
from ccd.runs.sealed import unsealed

_Record = TypeVar("_Record")


def read_records(path: Path, kind: type[_Record], what: str) -> list[_Record]:
    """The records of a file, checked line by line; none if there is no file.

    Args:
        path: The file.
        kind: The dataclass that each line holds.
        what: Such a record in words, for the refusal: ``a result``.

    Raises:
        DamagedFileError: A line holds something else, or not what was written into it.
        ResourceError: The file cannot be read.
    """
    adapter, records = TypeAdapter(kind), []
    for number, line in enumerate(read_lines(path), start=1):
        plain = unsealed(line, Place(str(path), number))
        try:
            records.append(adapter.validate_python(plain))
        except ValidationError as error:
            problem = error.errors()[0]
            raise DamagedFileError(
                f"this line is not {what}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}",
                where=Place(str(path), number),
                hint="read it with the ccd that wrote it, or run again with another --out",
            ) from error
    return records
