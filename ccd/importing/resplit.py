"""Another split of a data set that was imported: the same events, ids and features."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ccd.datasets.imported import ITEMS
from ccd.datasets.interactions import SPLITS
from ccd.files import refusing_io
from ccd.importing.filters import compact
from ccd.importing.folder import COLD, gin_text, new_folder, write_events, write_table
from ccd.importing.options import SplitOptions
from ccd.importing.report import split_sizes, versions, write_report
from ccd.importing.splitting import cold_items, refuse_empty, split_labels, trained_only
from ccd.importing.stored import Stored

if TYPE_CHECKING:
    import pyarrow as pa


def split_again(
    stored: Stored,
    name: str,
    options: SplitOptions,
    out: Path,
    *,
    overwrite: bool = False,
    command: Sequence[str] = (),
) -> Mapping[str, Any]:
    """Write a data set with another split into ``out``; returns its report.

    Args:
        stored: The data set.
        name: What the new one is called.
        options: The split.
        out: The folder to make.
        overwrite: Whether an earlier import in ``out`` is replaced.
        command: What was typed, for the report.

    Raises:
        DataError: The events lack what the split needs.
        ConfigError: ``out`` is taken.
    """
    events = stored.events()
    cold = cold_items(events, options) if options.cold_items else None
    labels = split_labels(events, options, cold)
    trained = trained_only(events, labels)
    kept = compact(events.take(trained), keep_items=np.ones(len(events.item_ids), dtype=bool))
    labels = labels[trained]
    refuse_empty(labels)
    old = stored.report
    report = {
        **{
            key: value for key, value in old.items() if key not in ("format", "files", "cold_items")
        },
        "name": name,
        "command": list(command),
        "options": {**old["options"], "name": name, "split": asdict(options)},
        "split_of": {"name": old["name"], "files": old["files"]},
        "users": len(kept.user_ids),
        "events": len(kept),
        "splits": split_sizes(labels),
        "versions": versions(),
    }
    untrained = len(events) - len(kept)
    if untrained:
        reason = "held out, but the user has nothing in train"
        report["dropped"] = {**old["dropped"], reason: old["dropped"].get(reason, 0) + untrained}
    if cold is not None:
        report["cold_items"] = {SPLITS[split]: int((cold == split).sum()) for split in (1, 2)}
    with new_folder(out, overwrite=overwrite) as folder:
        write_events(folder, replace(kept, labels=None), labels)
        write_table(folder / ITEMS, {**stored.items(), **_marked(cold)})
        with refusing_io(folder):
            for file in stored.feature_files.values():
                shutil.copyfile(stored.folder / file, folder / file)
        text = gin_text(report, stored.feature_files)
        (folder / f"{name}.gin").write_text(text, encoding="utf-8")
        return write_report(folder, report)


def _marked(cold: np.ndarray | None) -> dict[str, pa.Array]:
    """The column that says which items are never trained on, and in which split they are."""
    import pyarrow as pa

    if cold is None:
        return {}
    names = [SPLITS[split] if split else None for split in cold]
    return {COLD: pa.array(names, pa.string())}
