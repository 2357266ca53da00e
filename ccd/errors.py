"""Every refusal of ccd is one of these: what is wrong, where, what was found, and what to do.

An error carries these as fields; this module alone puts them into words. The exit code of the
command line is the ``exit_code`` of the class. Anything else that escapes is a bug and keeps its
traceback.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class Place:
    """A place that an error names: a file or folder, a line of a file, or a command-line option.

    Attributes:
        file: Path as shown to the user, or an option such as ``--set``.
        line: Line in the file, counted from 1; None where no single line is meant.
        text: What stands there.
        note: What else matters, such as the variant whose list holds the statement.
    """

    file: str
    line: int | None = None
    text: str = ""
    note: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place} ({self.note})" if self.note else place

    def to_json(self) -> dict[str, Any]:
        """Plain values, the arguments of ``Place``."""
        return {"file": self.file, "line": self.line, "text": self.text, "note": self.note}


Where = Place | PathLike[str] | None
"""A place, a path without a line, or None where there is nothing to name."""


class CcdError(Exception):
    """Base of all refusals.

    Args:
        what: The mistake in one line; a sentence that stands alone, without the advice.
        where: The place or places that made it.
        keys: The settings (``GaussianDiffusion.steps``) or options (``--out``) concerned. A
            component names its settings here; the config graph then adds where each was bound.
        found: What was there instead of what is legal, as text.
        hint: What to do about it.
        details: Lines that belong to ``what``, such as a list of differences.
        mistakes: The single errors, where this one stands for several.
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        where: Where | Sequence[Where] = (),
        keys: Sequence[str] = (),
        found: str = "",
        hint: str = "",
        details: Sequence[str] = (),
        mistakes: Sequence[CcdError] = (),
    ) -> None:
        super().__init__(what)
        self.what, self.found, self.hint = what, found, hint
        self.where, self.keys, self.details = _places(where), tuple(keys), tuple(details)
        self.mistakes = tuple(mistakes)

    def __str__(self) -> str:
        """One line, or a block where there are places or details to list."""
        if not (self.where or self.details or self.mistakes):
            return self.one_line
        own = "\n  ".join(self._lines())
        return "\n".join([own, *map(str, self.mistakes)])

    @property
    def one_line(self) -> str:
        """All of it in one line, for tables and notes."""
        return "; ".join([*self._lines(), *(mistake.one_line for mistake in self.mistakes)])

    def at(self, *where: Where) -> Self:
        """A copy that names these places too; those it names already are not repeated."""
        made = copy(self)
        made.where = tuple(dict.fromkeys((*self.where, *_places(where))))
        return made

    def within(self, context: str) -> Self:
        """A copy whose text begins with what it happened in, such as ``variant 'FREEDOM'``."""
        made = copy(self)
        made.what = f"{context}: {self.what}"
        return made

    def to_json(self) -> dict[str, Any]:
        """Plain values, the text among them; ``from_json`` makes an equal error of them."""
        return {
            "kind": next(kind for kind in type(self).__mro__ if kind in KINDS.values()).__name__,
            "exit_code": self.exit_code,
            "message": str(self),
            "what": self.what,
            "where": [place.to_json() for place in self.where],
            "keys": list(self.keys),
            "found": self.found,
            "hint": self.hint,
            "details": list(self.details),
            "mistakes": [mistake.to_json() for mistake in self.mistakes],
        }

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> CcdError:
        """The error that ``to_json`` described, of a class in ``KINDS``.

        Raises:
            KeyError: The record is not of an error.
        """
        return KINDS[record["kind"]](
            record["what"],
            where=[Place(**place) for place in record["where"]],
            keys=record["keys"],
            found=record["found"],
            hint=record["hint"],
            details=record["details"],
            mistakes=[CcdError.from_json(mistake) for mistake in record["mistakes"]],
        )

    def _lines(self) -> list[str]:
        """The fields in words, but for ``mistakes``."""
        head = f"{self.what}, got {self.found}" if self.found else self.what
        places = [f"{place}    {place.text}".rstrip() for place in self.where]
        return [head, *places, *self.details, *([self.hint] if self.hint else [])]


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
    """Memory, disk or a device is missing or does not suffice."""

    exit_code = 5


class LockedError(CcdError):
    """Another live process is writing into the same run folder."""

    exit_code = 6


class DamagedFileError(CcdError):
    """A file is truncated, holds pickled objects or is not what its name says."""

    exit_code = 7


KINDS: dict[str, type[CcdError]] = {
    kind.__name__: kind
    for kind in (
        CcdError, ConfigError, DataError, NumericError, ResourceError, LockedError,
        DamagedFileError,
    )
}  # fmt: skip
"""The classes by name; what another process or an earlier run tells of is one of these."""


def reason(error: BaseException) -> str:
    """What an exception of Python or a library says, in one line; its class where it is silent."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


@contextmanager
def refusing_exit(context: str = "") -> Iterator[None]:
    """Turn the ``SystemExit`` of a user's own part, which would end the program, into a refusal.

    Args:
        context: What it happened in, such as ``variant 'FREEDOM'``.

    Raises:
        CcdError: Something in the block, or in the function that this decorates, ended the program.
    """
    try:
        yield
    except SystemExit as ended:  # ccd's own code raises none
        what = "a part of your own ended the program"
        raise CcdError(
            f"{context}: {what}" if context else what,
            found=f"SystemExit({ended.code!r})",
            hint="let it raise an error that says what is wrong (CCD_DEBUG=1 shows where)",
        ) from ended


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
        place = Place(str(error.filename or fspath(path)))
        raise kind(f"cannot read this: {error.strerror or error}", where=place) from error
    except UnicodeDecodeError as error:
        what = f"this file is not UTF-8: byte {error.start} is of no character"
        raise kind(what, where=Place(fspath(path)), hint="save it as UTF-8") from error


def _places(where: Where | Sequence[Where]) -> tuple[Place, ...]:
    several = where if isinstance(where, Sequence) else (where,)
    named = (place for place in several if place is not None)
    return tuple(p if isinstance(p, Place) else Place(fspath(p)) for p in named)
