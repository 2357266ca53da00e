"""Options of ``ccd data import`` and ``split``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ccd.cli.options import FILES

_TEXT, _COLUMNS, _EVENTS, _ITEMS, _FEATURES, _SPLIT = (
    "How text files are written", "Columns", "Which events count", "Items", "Features", "Split"
)  # fmt: skip

Sources = Annotated[
    list[Path],
    typer.Argument(
        metavar="SOURCE...",
        help="Files or folders with events: Parquet, CSV, TSV, JSON lines, gzip of these, RecBole, "
        "MMRec, MovieLens, Amazon reviews.",
        show_default=False,
    ),
]
Imported = Annotated[
    Path,
    typer.Argument(
        metavar="DIR", help="The folder that 'ccd data import' wrote.", show_default=False
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Write the data set into this folder.",
        rich_help_panel=FILES,
        show_default=False,
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Name of the data set; that of the folder if left out.",
        rich_help_panel=FILES,
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace the import that --out holds.", rich_help_panel=FILES),
]
Encoding = Annotated[
    str,
    typer.Option("--encoding", metavar="NAME", help="Such as latin-1.", rich_help_panel=_TEXT),
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        "--delimiter",
        metavar="TEXT",
        help="What stands between cells; found out if left out.",
        rich_help_panel=_TEXT,
    ),
]
Header = Annotated[
    str | None,
    typer.Option(
        "--header",
        metavar="NAMES",
        help="Names of the columns where the file has none: user,item,rating.",
        rich_help_panel=_TEXT,
    ),
]


def _column(option: str, what: str) -> object:
    return typer.Option(option, metavar="COLUMN", help=what, rich_help_panel=_COLUMNS)


User = Annotated[str | None, _column("--user", "Ids of users.")]
Item = Annotated[str | None, _column("--item", "Ids of items.")]
Time = Annotated[str | None, _column("--time", "When: dates, or numbers since 1970.")]
Value = Annotated[str | None, _column("--value", "How much, such as a rating.")]
Label = Annotated[str | None, _column("--label", "The split: train, valid or test.")]

Where = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help="Only these events, for instance \"type in ('purchase', 'cart') and price > 0\".",
        rich_help_panel=_EVENTS,
    ),
]
ValueAtLeast = Annotated[
    float | None,
    typer.Option(
        "--value-at-least", metavar="X", help="Only these values.", rich_help_panel=_EVENTS
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="DATE", help="Only from this time on.", rich_help_panel=_EVENTS
    ),
]
Duplicates = Annotated[
    Literal["first", "last"],
    typer.Option(
        "--duplicates",
        help="Which event of the same user and item counts.",
        rich_help_panel=_EVENTS,
    ),
]
SampleUsers = Annotated[
    int | None,
    typer.Option(
        "--sample-users",
        metavar="N",
        help="Only so many users, drawn by --seed.",
        rich_help_panel=_EVENTS,
    ),
]
UserCore = Annotated[
    int,
    typer.Option(
        "--user-core", metavar="K", help="Least items of each user.", rich_help_panel=_EVENTS
    ),
]
ItemCore = Annotated[
    int,
    typer.Option(
        "--item-core", metavar="K", help="Least users of each item.", rich_help_panel=_EVENTS
    ),
]

Items = Annotated[
    list[Path] | None,
    typer.Option(
        "--items",
        metavar="FILE",
        help="A table with what is known about items. Repeatable.",
        rich_help_panel=_ITEMS,
    ),
]
ItemId = Annotated[
    str | None,
    typer.Option("--item-id", metavar="COLUMN", help="Ids in --items.", rich_help_panel=_ITEMS),
]
ItemName = Annotated[
    str | None,
    typer.Option(
        "--item-name", metavar="COLUMN", help="What items are called.", rich_help_panel=_ITEMS
    ),
]
Purchasable = Annotated[
    str | None,
    typer.Option(
        "--purchasable",
        metavar="COLUMN",
        help="Whether an item can be had: true or false.",
        rich_help_panel=_ITEMS,
    ),
]
UnknownItems = Annotated[
    Literal["keep", "drop", "refuse"],
    typer.Option(
        "--unknown-items", help="Events with items that --items lacks.", rich_help_panel=_ITEMS
    ),
]
NewItems = Annotated[
    Literal["keep", "drop"],
    typer.Option("--new-items", help="Items of --items without events.", rich_help_panel=_ITEMS),
]

FeatureFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--features",
        metavar="NAME=PATH",
        help="Vectors of a modality, aligned by id: a table, .npy, .npz or safetensors with ids, "
        "or a folder with one .npy per item. Repeatable.",
        rich_help_panel=_FEATURES,
    ),
]
Encode = Annotated[
    list[str] | None,
    typer.Option(
        "--encode",
        metavar="NAME=COLUMN",
        help="A column of --items, or a folder of images, that an encoder turns into vectors; "
        ":ENCODER may follow. Repeatable.",
        rich_help_panel=_FEATURES,
    ),
]
MissingFeatures = Annotated[
    Literal["keep", "drop", "refuse"],
    typer.Option("--missing-features", help="Items without a vector.", rich_help_panel=_FEATURES),
]
DuplicateFeatures = Annotated[
    Literal["first", "last", "refuse"],
    typer.Option(
        "--duplicate-features",
        help="Which vector of the same item counts.",
        rich_help_panel=_FEATURES,
    ),
]
ConstantFeatures = Annotated[
    Literal["keep", "missing", "refuse"],
    typer.Option(
        "--constant-features",
        help="Vectors of one number throughout.",
        rich_help_panel=_FEATURES,
    ),
]
NonFiniteFeatures = Annotated[
    Literal["refuse", "missing"],
    typer.Option(
        "--non-finite-features",
        help="Vectors with a NaN, and images that cannot be read.",
        rich_help_panel=_FEATURES,
    ),
]
Float16 = Annotated[
    bool,
    typer.Option("--float16", help="Write half the bytes.", rich_help_panel=_FEATURES),
]
Device = Annotated[
    str,
    typer.Option("--device", metavar="NAME", help="For encoders.", rich_help_panel=_FEATURES),
]

SplitBy = Annotated[
    Literal["ratio", "ratio-by-time", "leave-last-out", "leave-k-out", "time-points", "labels"]
    | None,
    typer.Option(
        "--split",
        help="How events are split; by the labels of the source if it has them, else by a drawn "
        "ratio.",
        rich_help_panel=_SPLIT,
    ),
]
Ratio = Annotated[
    str,
    typer.Option(
        "--ratio", metavar="A:B:C", help="Train, validation, test.", rich_help_panel=_SPLIT
    ),
]
Leave = Annotated[
    int,
    typer.Option(
        "--leave",
        metavar="K",
        help="Events of each user in validation and in test, for the two leave-out splits.",
        rich_help_panel=_SPLIT,
    ),
]
ValidFrom = Annotated[
    str | None,
    typer.Option("--valid-from", metavar="DATE", help="For time-points.", rich_help_panel=_SPLIT),
]
TestFrom = Annotated[
    str | None,
    typer.Option("--test-from", metavar="DATE", help="For time-points.", rich_help_panel=_SPLIT),
]
ColdItems = Annotated[
    float,
    typer.Option(
        "--cold-items",
        metavar="SHARE",
        min=0,
        max=0.5,
        help="Keep so many items out of training: half of them are in validation only, half in "
        "test only.",
        rich_help_panel=_SPLIT,
    ),
]
Seed = Annotated[
    int,
    typer.Option("--seed", metavar="N", min=0, help="For what is drawn.", rich_help_panel=_SPLIT),
]
