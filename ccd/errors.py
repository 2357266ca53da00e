"""Every refusal of ccd is one of these: what, where, what was found, what to do.

The exit code of the command line is the ``exit_code`` of the class. Anything else that escapes is a
bug and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike


class CcdError(Exception):
    """Base of all refusals."""

    exit_code = 1


class ConfigError(CcdError):
    """A recipe, binding or command-line value that cannot be used."""

    exit_code = 2


class DataError(CcdError):
    """Interactions or features that are missing, damaged or contradict each other."""

    exit_code = 3


class NumericError(CcdError):
    """A loss stopped being a finite number."""

    exit_code = 4


class ResourceError(CcdError):
    """Memory, disk or device is not there or does not suffice."""

    exit_code = 5


class LockedError(CcdError):
    """Another live process is writing into the same run folder."""

    exit_code = 6


class DamagedFileError(CcdError):
    """A file is truncated, holds pickled objects or is not what its name says."""

    exit_code = 7


@contextmanager
def reading(path: str | PathLike[str], kind: type[CcdError]) -> Iterator[None]:
    """Turn what keeps the block from reading ``path`` into a refusal that names it.

    Args:
        path: The file or folder that the block looks into.
        kind: Class of the refusal.

    Raises:
        CcdError: Of class ``kind``: the path cannot be read, or is no UTF-8 where text is read.
    """
    try:
        yield
    except OSError as error:
        place = error.filename or path
        raise kind(f"{place}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise kind(f"{path}: is not UTF-8 (byte {error.start}); save it as UTF-8") from error
