"""Published numbers: the paper's Tables 1 to 3, and the toolbox's page of results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("paper_results.json")
_TOOLBOX_FILE = Path(__file__).with_name("toolbox_results.json")


@dataclass(frozen=True)
class DatasetSize:
    """Table 1 for one data set."""

    n_users: int
    n_items: int
    n_interactions: int


@dataclass(frozen=True)
class Erratum:
    """A printed value that another table of the paper contradicts."""

    table: str
    row: str
    dataset: str
    metric: str
    printed: float
    used: float
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.table} prints {self.printed:.4f} for {self.metric} of {self.row} on "
            f"{self.dataset}; {self.used:.4f} is used here: {self.reason}"
        )


@dataclass(frozen=True)
class Paper:
    """What the paper reports.

    Attributes:
        source: Its title and tables.
        sizes: Data set to Table 1.
        values: Data set to row to metric to value. Where two tables print the same cell, the first
            holds.
        errata: Cells in which the tables disagree.
        aliases: Names of variants that are a row under another name.
    """

    source: str
    sizes: Mapping[str, DatasetSize]
    values: Mapping[str, Mapping[str, Mapping[str, float]]]
    errata: tuple[Erratum, ...]
    aliases: Mapping[str, str]

    def row_of(self, variant: str, dataset: str) -> str | None:
        """The row that a variant is: the one of its name, or of its alias; None for neither."""
        row = self.aliases.get(variant, variant)
        return row if row in self.values[dataset] else None


@cache
def load_paper() -> Paper:
    """The numbers, from the data file beside this module."""
    record = json.loads(_FILE.read_text(encoding="utf-8"))
    values: dict[str, dict[str, dict[str, float]]] = {name: {} for name in record["datasets"]}
    for table in record["tables"].values():
        for row, by_dataset in table["rows"].items():
            for dataset, numbers in by_dataset.items():
                cells = values[dataset].setdefault(row, {})
                for metric, value in zip(table["metrics"], numbers, strict=True):
                    cells.setdefault(metric, value)
    return Paper(
        source=record["source"],
        sizes={name: DatasetSize(**size) for name, size in record["datasets"].items()},
        values=values,
        errata=tuple(Erratum(**erratum) for erratum in record["errata"]),
        aliases=record["aliases"],
    )


@dataclass(frozen=True)
class Toolbox:
    """What the toolbox publishes of the paper's backbones, on the paper's splits.

    Attributes:
        source: Where.
        values: Data set to row to metric to value.
    """

    source: str
    values: Mapping[str, Mapping[str, Mapping[str, float]]]


@cache
def load_toolbox() -> Toolbox:
    """The numbers, from the data file beside this module."""
    record = json.loads(_TOOLBOX_FILE.read_text(encoding="utf-8"))
    return Toolbox(
        source=record["source"],
        values={
            dataset: {
                row: dict(zip(record["metrics"], numbers, strict=True))
                for row, numbers in rows.items()
            }
            for dataset, rows in record["datasets"].items()
        },
    )
