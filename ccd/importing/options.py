"""What an import is told: which columns, which events, which core, which split."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from ccd.errors import ConfigError
from ccd.importing.cells import moment
from ccd.importing.where import parse_where

SplitName = Literal[
    "ratio", "ratio-by-time", "leave-last-out", "leave-k-out", "time-points", "labels"
]
SPLIT_NAMES: tuple[str, ...] = get_args(SplitName)


@dataclass(frozen=True)
class SplitOptions:
    """How events become train, validation and test.

    Attributes:
        by: ``ratio`` draws each user's held-out events as the MMRec toolbox does,
            ``ratio-by-time`` takes their last ones; ``leave-last-out`` takes the ``leave`` last
            events of each user for test and the ``leave`` before them for validation,
            ``leave-k-out`` draws them; ``time-points`` cuts at two times for all users; ``labels``
            takes what the sources say. None is ``labels`` where all sources have them, else
            ``ratio``.
        ratio: Shares of train, validation and test.
        leave: Events of each user in each held-out split.
        valid_from: First time of the validation split.
        test_from: First time of the test split.
        seed: For those that draw.
        cold_items: Share of items, drawn, of which no event is trained on: all events of one half
            of them are validation, those of the other half test, whatever ``by`` says.
    """

    by: SplitName | None = None
    ratio: tuple[int, int, int] = (8, 1, 1)
    leave: int = 1
    valid_from: str | None = None
    test_from: str | None = None
    seed: int = 999
    cold_items: float = 0.0

    def __post_init__(self) -> None:
        if self.by is not None and self.by not in SPLIT_NAMES:
            raise ConfigError(
                f"--split: there is no split '{self.by}'",
                keys=("--split",),
                hint=f"write one of {', '.join(SPLIT_NAMES)}",
            )
        if min(self.ratio) < 1 or len(self.ratio) != 3:
            raise ConfigError(
                "--ratio: expected three whole numbers above 0",
                keys=("--ratio",),
                found=":".join(map(str, self.ratio)),
                hint="write for instance --ratio 8:1:1",
            )
        at_least("--leave", self.leave, 1)
        if not 0 <= self.cold_items <= 0.5:
            raise ConfigError(
                "--cold-items must be a share from 0 to 0.5",
                keys=("--cold-items",),
                found=str(self.cold_items),
                hint="write for instance --cold-items 0.1",
            )
        for option, time in (("--valid-from", self.valid_from), ("--test-from", self.test_from)):
            if time is not None:
                moment(time, option)
        if self.by == "time-points" and (self.valid_from is None or self.test_from is None):
            raise ConfigError(
                "--split time-points needs two times",
                keys=("--valid-from", "--test-from"),
                hint="write for instance --valid-from 2024-03-01 --test-from 2024-04-01",
            )

    @property
    def needs_time(self) -> bool:
        """Whether events must have times."""
        return self.by in ("ratio-by-time", "leave-last-out", "time-points")


@dataclass(frozen=True)
class ImportOptions:
    """Everything that an import is told, but for the sources themselves.

    Attributes:
        name: Of the data set; a letter, then letters, digits, ``_`` and ``-``.
        columns: Role (``user``, ``item``, ``time``, ``value``, ``label``) to the column named.
        where: A condition on events.
        value_at_least: Events with a smaller value are left out.
        since: Events before this time are left out.
        duplicates: Which event of a user and an item counts.
        sample_users: So many users, drawn; None for all.
        user_core: Least items of each user.
        item_core: Least users of each item.
        split: How events are split.
        item_id: Column of ids in the table of items.
        item_name: Column of names in the table of items.
        purchasable: Column of the table of items that says whether an item can be had.
        unknown_items: What to do with events whose item is in no table of items.
        new_items: Whether items without events, which the table of items has, are kept.
    """

    name: str
    columns: dict[str, str | None] = field(default_factory=dict)
    where: str | None = None
    value_at_least: float | None = None
    since: str | None = None
    duplicates: Literal["first", "last"] = "first"
    sample_users: int | None = None
    user_core: int = 1
    item_core: int = 1
    split: SplitOptions = field(default_factory=SplitOptions)
    item_id: str | None = None
    item_name: str | None = None
    purchasable: str | None = None
    unknown_items: Literal["keep", "drop", "refuse"] = "keep"
    new_items: Literal["keep", "drop"] = "drop"

    def __post_init__(self) -> None:
        if not self.name.replace("_", "").replace("-", "").isalnum() or not self.name.isascii():
            raise ConfigError(
                f"a data set cannot be called '{self.name}'",
                keys=("--name",),
                hint="name it with letters, digits, - and _: --name shop",
            )
        if self.where is not None:
            parse_where(self.where)
        if self.since is not None:
            moment(self.since, "--since")
        at_least("--user-core", self.user_core, 1)
        at_least("--item-core", self.item_core, 1)
        if self.sample_users is not None:
            at_least("--sample-users", self.sample_users, 2)


def at_least(option: str, value: int, least: int) -> None:
    """Refuse a number that is too small.

    Raises:
        ConfigError: It is below ``least``.
    """
    if value < least:
        raise ConfigError(
            f"{option} must be at least {least}",
            keys=(option,),
            found=str(value),
            hint=f"write {option} {least} or more",
        )


def name_of(out: Path) -> str:
    """The name of a data set that is written into ``out``, where none was given."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in out.name)
