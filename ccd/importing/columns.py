"""Which column holds what: named by the user, or guessed by the names that are in use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ccd.errors import DataError
from ccd.importing.sources import Source

_KNOWN = {
    "user": "user userid uid reviewerid customerid customer visitorid memberid personid profileid "
    "accountid clientid buyerid listenerid viewerid readerid",
    # Of Amazon 2023, parent_asin is the item and asin one of its variants.
    "item": "parentasin item itemid iid asin productid product sku articleid movieid artistid "
    "trackid songid videoid bookid isbn newsid businessid contentid gameid",
    "time": "time timestamp ts unixreviewtime datetime date eventtime createdat eventtimestamp "
    "unixtime reviewtime",
    "value": "value rating overall score stars weight playcount plays",
    "label": "xlabel split",
}
"""Role to the names of its column, in order of preference, in lower case and without ``_``."""
LABELS = {"train": 0, "training": 0, "0": 0, "valid": 1, "validation": 1, "val": 1, "dev": 1,
          "1": 1, "test": 2, "testing": 2, "2": 2}  # fmt: skip
"""How sources write the splits."""


@dataclass(frozen=True)
class Roles:
    """The columns of one source that are read.

    Attributes:
        user: Who.
        item: What.
        time: When; None where it is not known.
        value: How much, such as a rating; None where it is not known.
        label: Which split, where the source says so.
        guessed: Roles whose column was not named by the user.
        file_label: The split of all its rows, where only the name of the file says it.
    """

    user: str
    item: str
    time: str | None = None
    value: str | None = None
    label: str | None = None
    guessed: tuple[str, ...] = ()
    file_label: int | None = None

    @property
    def labelled(self) -> bool:
        """Whether the source says which split an event is in."""
        return self.label is not None or self.file_label is not None


def find_roles(source: Source, named: dict[str, str | None]) -> Roles:
    """The column of each role in a table of events.

    Args:
        source: The table.
        named: Role to the column that the user named, or None.

    Raises:
        DataError: A named column is not there, or the users or items are in no known column.
    """
    found = {
        role: source.need(column, f"--{role}") if column else known_column(role, source.columns)
        for role, column in {**dict.fromkeys(_KNOWN), **named}.items()
    }
    for role in ("user", "item"):
        if found[role] is None:
            raise DataError(
                f"which column holds the {role}s is not clear",
                where=source.place(None),
                keys=(f"--{role}",),
                found=", ".join(source.columns[:20]),
                hint=_advice(role, source, found),
            )
    guessed = tuple(role for role, column in found.items() if column and not named.get(role))
    return Roles(
        str(found["user"]), str(found["item"]), found["time"], found["value"], found["label"],
        guessed, _file_label(source),
    )  # fmt: skip


def known_column(role: str, columns: Sequence[str]) -> str | None:
    """The column whose name is one of those in use for a role."""
    by_name = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in reversed(columns)}
    return next((by_name[name] for name in _KNOWN[role].split() if name in by_name), None)


def _file_label(source: Source) -> int | None:
    """The split that a file's name says: ``games.train.inter``, ``test-00000-of-00002.parquet``."""
    words = re.split(r"[._-]", source.path.name.lower()) if not source.in_memory else []
    return next((LABELS[word] for word in words if word in LABELS and not word.isdigit()), None)


def _advice(role: str, source: Source, found: Mapping[str, str | None]) -> str:
    if all(name.isdigit() for name in source.columns):
        example = ",".join(("user", "item", "rating", "time")[: max(2, len(source.columns))])
        return f"the file has no header: name its columns, for instance --header {example}"
    free = [name for name in source.columns if name not in found.values()]
    return f"name it: --{role} {(free or source.columns)[0]!r}"
