"""Import data from files or from memory: what ``ccd data import`` does, from Python.

``ccd.data.import_(frame, "data/shop")`` writes the folder that
``ccd.run(recipe, dataset="data/shop")`` trains on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from ccd.arguments import as_tuple
from ccd.config.dataset import load_dataset
from ccd.datasets.assemble import refuse_names
from ccd.datasets.dataset import Dataset
from ccd.datasets.locate import data_folders
from ccd.importing.features import FeaturePolicy, FeatureSource, parse_feature_option
from ccd.importing.folder import refuse_taken
from ccd.importing.importer import Features, import_catalogue
from ccd.importing.options import ImportOptions, SplitName, SplitOptions, name_of
from ccd.importing.sources import (
    Reading,
    Source,
    TableSource,
    as_table,
    items_beside,
    open_sources,
)

__all__ = ["Dataset", "Imported", "import_"]


@dataclass(frozen=True)
class Imported:
    """A data set that was imported.

    Attributes:
        folder: Where it is; ``ccd.run`` takes it as ``dataset``.
        report: What was read, left out and why: the content of ``import.json``.
    """

    folder: Path
    report: dict[str, Any]

    @cached_property
    def dataset(self) -> Dataset:
        """The data set, read and checked as a run does it."""
        made: Dataset = load_dataset(str(self.folder)).factory()(data_folders(self.folder))
        return made

    def __repr__(self) -> str:
        return (
            f"<Imported {self.folder}: {self.report['users']:,} users, "
            f"{self.report['items']:,} items, {self.report['events']:,} interactions>"
        )


def import_(
    events: Any,
    out: str | Path,
    *,
    items: Any = None,
    name: str | None = None,
    overwrite: bool = False,
    user: str | None = None,
    item: str | None = None,
    time: str | None = None,
    value: str | None = None,
    label: str | None = None,
    where: str | None = None,
    value_at_least: float | None = None,
    since: str | None = None,
    duplicates: Literal["first", "last"] = "first",
    sample_users: int | None = None,
    user_core: int = 1,
    item_core: int = 1,
    item_id: str | None = None,
    item_name: str | None = None,
    purchasable: str | None = None,
    unknown_items: Literal["keep", "drop", "refuse"] = "keep",
    new_items: Literal["keep", "drop"] = "drop",
    features: Sequence[str] | Mapping[str, Any] = (),
    encode: Sequence[str] = (),
    policy: FeaturePolicy = FeaturePolicy(),  # noqa: B008 - it cannot be changed
    split: SplitName | None = None,
    ratio: tuple[int, int, int] = (8, 1, 1),
    leave: int = 1,
    valid_from: str | None = None,
    test_from: str | None = None,
    seed: int = 999,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    header: Sequence[str] = (),
    command: Sequence[str] = ("ccd.data.import_",),
    progress: Callable[[str, float], None] = lambda _what, _share: None,
) -> Imported:
    """Make a data set of events and items, in a new folder.

    Args:
        events: A data frame (pandas, Polars), an Arrow table, a dictionary of columns, or paths of
            files and folders.
        out: The folder to make.
        items: What is known about items, in the same forms; a list for several tables.
        name: Of the data set; that of the folder if left out.
        overwrite: Whether an earlier import in ``out`` is replaced.
        user: Column of the users' ids; guessed from its name if left out, as the next four.
        item: Column of the items' ids.
        time: Column of times.
        value: Column of values, such as ratings.
        label: Column with the split of each event.
        where: Only these events: ``"type in ('purchase', 'cart')"``.
        value_at_least: Only events with such a value.
        since: Only events from this time on.
        duplicates: Which event of the same user and item counts.
        sample_users: Only so many users, drawn.
        user_core: Least items of each user.
        item_core: Least users of each item.
        item_id: Column of ids in ``items``.
        item_name: Column of names in ``items``.
        purchasable: Column of ``items`` that says whether an item can be had.
        unknown_items: What to do with events whose item is not in ``items``.
        new_items: Whether items without events, which ``items`` has, are kept.
        features: Vectors as ``NAME=PATH``, one per modality; or the name of each modality to its
            path or table, such as ``{"text": {"item": ids, "vector": matrix}}``.
        encode: What an encoder turns into vectors, as ``NAME=COLUMN`` or ``NAME=FOLDER``.
        policy: What to do with vectors that are not as they should be.
        split: How events are split; see ``ccd.importing.options.SplitOptions``, as for the next
            five.
        ratio: Train, validation, test.
        leave: Events of each user in validation and in test.
        valid_from: First time of validation.
        test_from: First time of test.
        seed: For what is drawn.
        encoding: Of text files.
        delimiter: Between cells of text files; found out if left out.
        header: Names of the columns of files that have no header.
        command: What was typed, for the report.
        progress: Told what is going on, and which share of it is done.

    Raises:
        DataError: A source is not what it must be, or too little is left.
        ConfigError: An argument cannot be used, or ``out`` is taken.
    """
    out = Path(out)
    options = ImportOptions(
        name or name_of(out.resolve()),
        columns={"user": user, "item": item, "time": time, "value": value, "label": label},
        where=where,
        value_at_least=value_at_least,
        since=since,
        duplicates=duplicates,
        sample_users=sample_users,
        user_core=user_core,
        item_core=item_core,
        item_id=item_id,
        item_name=item_name,
        purchasable=purchasable,
        unknown_items=unknown_items,
        new_items=new_items,
        split=SplitOptions(split, ratio, leave, valid_from, test_from, seed),
    )
    chosen = Features(
        (
            *_feature_sources(features),
            *(parse_feature_option(text, "--encode") for text in as_tuple("encode", encode)),
        ),
        policy,
    )
    refuse_taken(out, overwrite=overwrite)
    how = Reading(encoding, delimiter, tuple(header))
    sources = _sources("events", events, how)
    tables = _sources("items", items, how) if items is not None else []
    if items is None and (paths := _paths(events)):
        tables = open_sources(items_beside(paths), how)
    report = import_catalogue(
        sources,
        tables,
        options,
        out,
        features=chosen,
        overwrite=overwrite,
        command=command,
        progress=progress,
    )
    return Imported(out, report)


def _feature_sources(given: Sequence[str] | Mapping[str, Any]) -> list[FeatureSource]:
    """Where the features come from that ``import_`` was given."""
    if not isinstance(given, Mapping):
        return [parse_feature_option(text) for text in as_tuple("features", given)]
    found = []
    for name, where in given.items():
        if isinstance(where, (str, Path)):
            found.append(parse_feature_option(f"{name}={where}"))
        else:
            refuse_names((name,), "features")
            table = TableSource(f"features['{name}']", as_table(f"features['{name}']", where))
            found.append(FeatureSource(name, f"<features['{name}']>", table=table))
    return found


def _sources(name: str, given: Any, how: Reading) -> list[Source]:
    """Tables of paths, of one table in memory, or of a list of either."""
    if paths := _paths(given):
        return open_sources(paths, how)
    if isinstance(given, (list, tuple)):
        return [source for one in given for source in _sources(name, one, how)]
    return [TableSource(name, as_table(name, given))]


def _paths(given: Any) -> list[Path]:
    """What was given, where that is one path or several; else nothing."""
    several = given if isinstance(given, (list, tuple)) else [given]
    if not all(isinstance(one, (str, Path)) for one in several):
        return []
    return [Path(one) for one in several]
