"""Writing files so that a crash at any instant leaves the old file or the new one, never half."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ccd.errors import (
    CcdError,
    DamagedFileError,
    Place,
    ResourceError,
    reading,
    reason,
)
from ccd.terminal.visible import HIDDEN

PAUSE = 5.0
"""Seconds before a failed write is tried again."""
_NO_SUCH_PLACE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG)


@contextmanager
def refusing_io(path: Path) -> Iterator[None]:
    """Turn an operating system error of the block into a refusal that names ``path``.

    Raises:
        ResourceError: The disk is full, read-only, over quota or not permitted, or there can be no
            such file.
    """
    try:
        yield
    except OSError as error:
        free = error.errno not in _NO_SUCH_PLACE
        advice = "make room on that disk or make it writable, or " if free else ""
        raise ResourceError(
            f"cannot write this: {error.strerror or error}",
            where=path,
            keys=("--out",),
            hint=f"{advice}choose another --out (what was finished before is kept)",
        ) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; it becomes ``path`` when the block ends well.

    Raises:
        ResourceError: The file cannot be written; the temporary file is removed.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with refusing_io(path):
            yield temporary
            sync(temporary)
            os.replace(temporary, path)
            sync(path.parent)
    finally:
        # After the rename there is nothing left to remove; before it, this is the clean-up.
        with suppress(OSError):
            temporary.unlink()


def file_hash(
    path: Path, kind: str = "sha256", *, unreadable: type[CcdError] = ResourceError
) -> str:
    """The checksum of a file's content, hexadecimal.

    Args:
        path: The file.
        kind: Name of the hash function.
        unreadable: What is raised where the file cannot be read.
    """
    digest = hashlib.new(kind, usedforsecurity=False)
    with reading(path, unreadable), path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def twice(write: Callable[[], None]) -> None:
    """Write something that is worth hours, once more after a pause where the disk has no room.

    Raises:
        ResourceError: It has none then either.
    """
    try:
        write()
    except ResourceError:
        time.sleep(PAUSE)
        write()


def write_text(path: Path, text: str) -> None:
    """Replace the content of ``path``, atomically.

    Bytes of a file's name that are not UTF-8 are written as JSON's escapes, which it reads back.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, record: dict[str, Any]) -> None:
    """Replace the content of ``path`` by one indented JSON object, atomically."""
    write_text(path, json.dumps(finite(record), indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in ``path``.

    Raises:
        DamagedFileError: The file holds something else.
        ResourceError: It cannot be read.
    """
    record = read_json_value(path)
    if not isinstance(record, dict):
        raise DamagedFileError(
            "this file must hold a JSON object", where=path, found=f"a JSON {type(record).__name__}"
        )
    return record


def read_json_value(path: Path) -> Any:
    """What the JSON in ``path`` says, an object or something else.

    Raises:
        DamagedFileError: The file is not JSON.
        ResourceError: It cannot be read.
    """
    try:
        with reading(path, ResourceError):
            data = path.read_bytes()
        return _parsed(data)
    except ValueError as error:
        raise DamagedFileError(
            f"this file is not JSON: {reason(error)}",
            where=path,
            hint="if ccd wrote it, bring it back from a copy",
        ) from error


def json_line(record: dict[str, Any]) -> str:
    """``record`` on one line of strict JSON; a number that is not finite becomes null."""
    text = json.dumps(finite(record), ensure_ascii=False, allow_nan=False)
    return HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def append_line(path: Path, record: dict[str, Any]) -> None:
    """Add ``record`` as one line of JSON, by one write that is on the disk on return.

    Raises:
        ResourceError: The line cannot be written; the file is as it was.
    """
    line = (json_line(record) + "\n").encode(errors="backslashreplace")
    with refusing_io(path):
        is_new = not path.exists()
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            size = os.fstat(handle).st_size
            if os.write(handle, line) < len(line):
                os.ftruncate(handle, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(handle)
        finally:
            os.close(handle)
        if is_new:
            sync(path.parent)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a file of JSON lines, without a torn last line; none if there is no file.

    Raises:
        DamagedFileError: A line other than the last is not a JSON object.
        ResourceError: The file cannot be read.
    """
    return _split_lines(path)[0]


def has_torn_end(path: Path) -> bool:
    """Whether ``read_lines`` leaves out a torn last line of the file.

    Raises:
        DamagedFileError: A line other than the last is not a JSON object.
        ResourceError: The file cannot be read.
    """
    return bool(_split_lines(path)[1])


def repair_lines(path: Path, *, quick: bool = False) -> str | None:
    """Set a torn last line aside as ``<name>.torn``, so that new lines can follow.

    Only the holder of the folder's lock may call this.

    Args:
        path: The file.
        quick: Only look whether the last line has an end, which does not take reading the file.

    Returns:
        A sentence that says what was done, or None.
    """
    if quick and _has_end(path):
        return None
    torn = _split_lines(path)[1]
    if not torn:
        return None
    aside = path.with_name(f"{path.name}.torn")
    with replacing(aside) as temporary:
        temporary.write_bytes(torn)
    with refusing_io(path):
        os.truncate(path, path.stat().st_size - len(torn))
        sync(path)
    return (
        f"{path.name}: its last line was torn by a crash ({len(torn)} bytes) and is set aside "
        f"in {aside.name}"
    )


def finite(value: Any) -> Any:
    """``value`` with every NaN and infinity in it replaced by None, which strict JSON can say."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


def _has_end(path: Path) -> bool:
    """Whether the last line ends, or there is none."""
    with reading(path, ResourceError):
        if not path.exists() or not path.stat().st_size:
            return True
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"


def _split_lines(path: Path) -> tuple[list[dict[str, Any]], bytes]:
    """Records of the whole lines, and the bytes of a torn last one."""
    with reading(path, ResourceError):
        if not path.exists():
            return [], b""
        lines = path.read_bytes().splitlines(keepends=True)
    records: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        record = _parse(line)
        if record is None and number == len(lines):
            return records, line
        if record is None:
            raise DamagedFileError(
                "this line is not a JSON object",
                where=Place(str(path), number),
                hint="remove that line or choose another --out",
            )
        records.append(record)
    return records, b""


def _parse(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        record = _parsed(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _parsed(data: bytes) -> Any:
    """What strict JSON says.

    Raises:
        ValueError: It is something else, such as NaN, half a character or thousands of brackets.
    """
    try:
        value = json.loads(data, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if b"\\u" in data:  # half of a character can be read but never be written; bytes of names can
        json.dumps(value, ensure_ascii=False).encode(errors="surrogateescape")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def sync(path: Path) -> None:
    """Return once what was written to a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
