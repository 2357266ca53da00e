"""Files that are something else than their name says, recognised by their first bytes."""

from __future__ import annotations

from pathlib import Path

from ccd.errors import DamagedFileError, DataError, reading

_UNPACK = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"(\xb5/\xfd": "zstd"}
_KNOWN_STARTS = {
    **{
        start: (f"a file compressed with {program}", f"unpack it with '{program} -d'")
        for start, program in _UNPACK.items()
    },
    b"version https://git-lfs": (
        "a Git LFS pointer",
        "run 'git lfs pull' to get the file itself",
    ),
    b"PK\x03\x04": (
        "a zip archive, such as .npz, .xlsx or a torch file",
        "unpack it, or save its content in the format that is expected",
    ),
    b"PAR1": ("a Parquet file", "save its content in the format that is expected"),
    b"\x80": (
        "a pickle, which runs code when it is loaded",
        "save arrays with numpy.save, and tables as text",
    ),
    b"<!doctype": ("a web page, so the download failed", "download it again"),
    b"<html": ("a web page, so the download failed", "download it again"),
}
"""First bytes, in lower case where they are text: what such a file is, and what to do."""


def refuse_foreign(path: Path, start: bytes, expected: str) -> None:
    """Refuse a file that begins like one of another kind.

    Args:
        path: The file, for the message.
        start: Its first 32 bytes or more.
        expected: What it should be, such as ``.npy``.

    Raises:
        DamagedFileError: It is of another kind.
    """
    for known, (guess, way_out) in _KNOWN_STARTS.items():
        if start.startswith(known) or start[:32].lower().startswith(known):
            raise DamagedFileError(f"this is not {expected} but {guess}", where=path, hint=way_out)


def read_utf8(path: Path, expected: str) -> str:
    """The text of a file, without a byte order mark; whatever line ends it has become ``\\n``.

    Raises:
        DataError: It cannot be read, or is no UTF-8.
        DamagedFileError: It is a file of another kind.
    """
    with reading(path, DataError):
        data = path.read_bytes()
        refuse_foreign(path, data[:32], expected)
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
