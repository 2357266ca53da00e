"""Import a catalogue: from tables of events and items to a folder that recipes train on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ccd.datasets.alignment import SUSPICIOUS_Z, alignment_z
from ccd.datasets.imported import ITEM_ID, ITEMS
from ccd.datasets.interactions import SPLITS
from ccd.datasets.npy import open_npy
from ccd.errors import ConfigError, DataError
from ccd.importing.columns import Roles, find_roles
from ccd.importing.events import Events, Progress, read_events, sorted_order
from ccd.importing.features import FeaturePolicy, FeatureSource, featured, write_features
from ccd.importing.filters import Round, compact, distinct_pairs, k_core, sample_users
from ccd.importing.folder import gin_text, new_folder, write_events, write_table
from ccd.importing.items import ItemTable, items_in_order, read_items
from ccd.importing.options import ImportOptions, SplitName
from ccd.importing.report import source_records, split_sizes, versions, write_report
from ccd.importing.sources import Source
from ccd.importing.splitting import refuse_empty, split_labels, trained_only
from ccd.suggestions import lost_zeros

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Features:
    """Where an import gets the features of items from.

    Attributes:
        sources: One per modality.
        policy: What to do with rows that are not as they should be.
    """

    sources: Sequence[FeatureSource]
    policy: FeaturePolicy

    def featured(self, items: Mapping[str, pa.Array]) -> np.ndarray | None:
        """Mask of the items that have all features; None where items without stay."""
        if not self.sources or self.policy.missing != "drop":
            return None
        return featured(self.sources, items[ITEM_ID].to_pylist(), items, self.policy)

    def write(
        self, items: Mapping[str, pa.Array], folder: Path, progress: Progress
    ) -> list[dict[str, Any]]:
        """Write ``NAME_feat.npy`` of each modality; returns what the report says of each."""
        written = write_features(
            self.sources, items[ITEM_ID].to_pylist(), items, folder, self.policy, progress=progress
        )
        return [one.to_json() for one in written]


NO_FEATURES = Features((), FeaturePolicy())


def import_catalogue(
    events: Sequence[Source],
    items: Sequence[Source],
    options: ImportOptions,
    out: Path,
    *,
    features: Features = NO_FEATURES,
    overwrite: bool = False,
    command: Sequence[str] = (),
    progress: Progress = lambda _what, _share: None,
) -> dict[str, Any]:
    """Read, filter, split and write a catalogue; nothing is left behind where it fails.

    Returns the report, the content of ``import.json``.

    Args:
        events: Tables of events.
        items: Tables of items.
        options: What is taken of them.
        out: The folder to make.
        features: The features of items.
        overwrite: Whether an earlier import in ``out`` is replaced.
        command: What was typed, for the report.
        progress: Told how far it is.

    Raises:
        DataError: A source is not what it must be, or too little is left.
        ConfigError: An option cannot be used, or ``out`` is taken.
    """
    if not items:
        _refuse_options_of_items(options)
    sources = [(source, find_roles(source, options.columns)) for source in events]
    options = _with_split(options, [roles for _, roles in sources])
    with new_folder(out, overwrite=overwrite) as folder:
        work = _Import(options, features, progress)
        work.read(sources, items)
        work.filter()
        work.split()
        work.write(folder)
        report = {
            "name": options.name,
            "command": list(command),
            "options": asdict(options),
            "feature_options": {
                "sources": [str(one) for one in features.sources],
                **asdict(features.policy),
            },
            "sources": source_records(sources, items, work.log.time_units),
            **work.record(),
            "versions": versions(),
        }
        text = gin_text(report, {one["name"]: one["file"] for one in report["features"]})
        (folder / f"{options.name}.gin").write_text(text, encoding="utf-8")
        return write_report(folder, report)


def _refuse_options_of_items(options: ImportOptions) -> None:
    """Refuse what says something about a table of items where there is none."""
    given = {
        "--item-id": options.item_id,
        "--item-name": options.item_name,
        "--purchasable": options.purchasable,
        "--new-items": "keep" if options.new_items == "keep" else None,
        "--unknown-items": None if options.unknown_items == "keep" else options.unknown_items,
    }
    if named := [f"{option} {value}" for option, value in given.items() if value is not None]:
        raise ConfigError(
            "there is no table of items that this could be about",
            keys=tuple(one.split()[0] for one in named),
            found=", ".join(named),
            hint="name one with --items FILE",
        )


def _with_split(options: ImportOptions, roles: Sequence[Roles]) -> ImportOptions:
    if options.split.by is not None:
        return options
    labelled = all(one.label is not None for one in roles) or {
        one.file_label for one in roles
    } == set(range(len(SPLITS)))
    by: SplitName = "labels" if labelled else "ratio"
    return replace(options, split=replace(options.split, by=by))


class _Import:
    """The steps of an import, in order, and what each of them found."""

    def __init__(self, options: ImportOptions, features: Features, progress: Progress) -> None:
        self._options, self._features, self._progress = options, features, progress
        self._written: list[dict[str, Any]] = []
        self._table: ItemTable | None = None
        self._rounds: list[Round] = []
        self._notes: list[str] = []
        self._new_items: Any = None
        self._labels = np.empty(0, dtype=np.int8)

    def read(self, sources: Sequence[tuple[Source, Roles]], items: Sequence[Source]) -> None:
        self._events, self.log = read_events(sources, self._options, self._progress)
        if items:
            self._progress("reading items", 0.0)
            self._table = read_items(items, sources[0][1].item, self._options)
            self._notes += self._table.notes

    def filter(self) -> None:
        """Users drawn, one event a pair, known items, new items, and the k-core."""
        options = self._options
        if options.sample_users is not None:
            drawn = sample_users(self._events, options.sample_users, options.split.seed)
            self._keep(drawn, "user was not drawn")
        if self._table is not None:
            self._match_items(self._table)
        self._match_features()
        self._progress("leaving out repeated pairs", 0.0)
        distinct, conflicts = distinct_pairs(self._events, options.duplicates)
        self._keep(distinct, "user and item repeated")
        if conflicts:
            self._notes.append(
                f"{conflicts:,} pairs of user and item were in two splits; each stays in the "
                "earlier one"
            )
        self._progress("k-core", 0.0)
        core, self._rounds = k_core(self._events, options.user_core, options.item_core)
        self._keep(core, f"k-core ({options.user_core} a user, {options.item_core} an item)")

    def split(self) -> None:
        """Label the events, and leave out held-out ones of users without training."""
        self._progress("splitting", 0.0)
        self._events = compact(self._events)
        labels = split_labels(self._events, self._options.split)
        trained = trained_only(self._events, labels)
        if not trained.all():
            self._keep(self._events.take(trained), "held out, but the user has nothing in train")
            self._events, labels = compact(self._events), labels[trained]
        self._labels = labels
        refuse_empty(labels)
        self._refuse_too_few()
        self._add_new_items()

    def write(self, folder: Path) -> None:
        """Write the tables and the features."""
        self._progress("writing", 0.0)
        write_events(folder, self._events, self._labels)
        items = items_in_order(self._table, self._events.item_ids)
        write_table(folder / ITEMS, items)
        self._written = self._features.write(items, folder, self._progress)
        if self._written:
            self._measure_alignment(folder)

    def record(self) -> dict[str, Any]:
        """What the report says about the steps."""
        events = self._events
        return {
            "rows": self.log.rows,
            "dropped": {reason: n for reason, n in self.log.dropped.items() if n},
            "k_core_rounds": [asdict(one) for one in self._rounds],
            "users": len(events.user_ids),
            "items": len(events.item_ids),
            "new_items": 0 if self._new_items is None else len(self._new_items),
            "events": len(events),
            "splits": split_sizes(self._labels),
            "item_name": self._table.name if self._table else None,
            "item_tables": self._table.record if self._table else [],
            "features": self._written,
            "notes": self._notes,
        }

    def _keep(self, events: Events, reason: str) -> None:
        """Go on with some of the events; the others are counted."""
        self.log.dropped[reason] += len(self._events) - len(events)
        self._events = events
        if not len(events):
            left_out = [f"{n:,}: {why}" for why, n in self.log.dropped.items() if n]
            raise DataError(
                "no event is left",
                details=[f"rows read: {self.log.rows:,}", *left_out],
                hint="leave less out, for instance with a smaller --user-core and --item-core",
            )

    def _match_items(self, table: ItemTable) -> None:
        import pyarrow.compute as pc

        ids, policy = self._events.item_ids, self._options.unknown_items
        known = pc.is_in(ids, table.ids)
        unknown = ids.filter(pc.invert(known))
        if len(unknown) == len(ids) and len(ids):
            raise _no_item_in_common(ids.to_pylist(), table.ids.to_pylist())
        if len(unknown):
            shown = ", ".join(repr(one) for one in unknown.slice(0, 3).to_pylist())
            what = f"{len(unknown):,} of {len(ids):,} items of the events are in no table of items"
            if policy == "refuse":
                raise DataError(
                    what,
                    keys=("--unknown-items",),
                    found=shown,
                    hint="add them, or write --unknown-items keep or --unknown-items drop",
                )
            if policy == "drop":
                mask = known.to_numpy(False)[self._events.items]
                self._keep(self._events.take(mask), "item is in no table of items")
            self._notes.append(f"{what} ({'kept' if policy == 'keep' else 'left out'}): {shown}")
        new = table.ids.filter(pc.invert(pc.is_in(table.ids, ids)))
        if len(new) and self._options.new_items == "keep":
            self._new_items = new
        elif len(new):
            self._notes.append(
                f"{len(new):,} of {len(table.ids):,} items of the table have no event and were "
                "left out (--new-items keep)"
            )

    def _match_features(self) -> None:
        """Leave out items that lack features, where that was asked for."""
        mask = self._features.featured(items_in_order(self._table, self._events.item_ids))
        if mask is None:
            return
        self._keep(self._events.take(mask[self._events.items]), "item lacks features")
        if self._new_items is not None:
            import pyarrow as pa

            there = self._features.featured(items_in_order(self._table, self._new_items))
            self._new_items = self._new_items.filter(pa.array(there))

    def _measure_alignment(self, folder: Path) -> None:
        """Say of each modality whether similar items are taken together."""
        from scipy import sparse

        events, shape = self._events, (len(self._events.user_ids), len(self._events.item_ids))
        train = self._labels == 0
        ones = np.ones(int(train.sum()), dtype=np.float32)
        pairs = (events.users[train], events.items[train])
        matrix = sparse.csr_matrix((ones, pairs), shape=shape)
        for one in self._written:
            z = alignment_z(open_npy(folder / one["file"]), matrix)
            one["alignment_z"] = None if z is None else round(z, 2)
            if z is not None and z < SUSPICIOUS_Z:
                self._notes.append(
                    f"{one['name']}: similar items are not taken together more often than by "
                    f"chance (z = {z:.1f}); do its rows belong to their ids?"
                )

    def _add_new_items(self) -> None:
        import pyarrow as pa

        if self._new_items is None:
            return
        ids = pa.concat_arrays([self._events.item_ids, self._new_items])
        order = sorted_order(ids)
        rank = np.empty(len(order), dtype=np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        items = rank[self._events.items]
        self._events = replace(self._events, items=items, item_ids=ids.take(order))

    def _refuse_too_few(self) -> None:
        events = self._events
        for kind, n in (("user", len(events.user_ids)), ("item", len(events.item_ids))):
            if n < 2:
                raise DataError(
                    f"only {n} {kind} is left, at least 2 are needed",
                    details=[f"{n:,}: {why}" for why, n in self.log.dropped.items() if n],
                    hint="leave less out",
                )


def _no_item_in_common(events: list[str], table: list[str]) -> DataError:
    return DataError(
        "no item of the events is in the table of items",
        keys=("--items",),
        found=f"{', '.join(map(repr, events[:3]))} and {', '.join(map(repr, table[:3]))}",
        hint=lost_zeros(events, table) or "name the column of the ids with --item and --item-id",
    )
