"""``ccd data import``: from raw files to a data set."""

from __future__ import annotations

import sys

import ccd.cli.import_options as given
from ccd.errors import ConfigError


def import_(
    sources: given.Sources,
    out: given.Out,
    name: given.Name = None,
    overwrite: given.Overwrite = False,
    encoding: given.Encoding = "utf-8",
    delimiter: given.Delimiter = None,
    header: given.Header = None,
    user: given.User = None,
    item: given.Item = None,
    time: given.Time = None,
    value: given.Value = None,
    label: given.Label = None,
    where: given.Where = None,
    value_at_least: given.ValueAtLeast = None,
    since: given.Since = None,
    duplicates: given.Duplicates = "first",
    sample_users: given.SampleUsers = None,
    user_core: given.UserCore = 1,
    item_core: given.ItemCore = 1,
    items: given.Items = None,
    item_id: given.ItemId = None,
    item_name: given.ItemName = None,
    purchasable: given.Purchasable = None,
    unknown_items: given.UnknownItems = "keep",
    new_items: given.NewItems = "drop",
    features: given.FeatureFiles = None,
    encode: given.Encode = None,
    missing_features: given.MissingFeatures = "keep",
    duplicate_features: given.DuplicateFeatures = "first",
    constant_features: given.ConstantFeatures = "keep",
    non_finite_features: given.NonFiniteFeatures = "refuse",
    float16: given.Float16 = False,
    device: given.Device = "auto",
    split: given.SplitBy = None,
    ratio: given.Ratio = "8:1:1",
    leave: given.Leave = 1,
    valid_from: given.ValidFrom = None,
    test_from: given.TestFrom = None,
    seed: given.Seed = 999,
) -> None:
    """Make a data set of your own events, items and features."""
    from ccd import data
    from ccd.cli.progress_bar import ProgressBar
    from ccd.importing.features import FeaturePolicy
    from ccd.terminal.console import make_console
    from ccd.views.import_text import ImportView

    with ProgressBar() as progress:
        imported = data.import_(
            sources,
            out,
            items=items,
            name=name,
            overwrite=overwrite,
            user=user,
            item=item,
            time=time,
            value=value,
            label=label,
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
            features=features or (),
            encode=encode or (),
            policy=FeaturePolicy(
                missing_features,
                duplicate_features,
                constant_features,
                non_finite_features,
                float16,
                device,
            ),
            split=split,
            ratio=_shares(ratio),
            leave=leave,
            valid_from=valid_from,
            test_from=test_from,
            seed=seed,
            encoding=encoding,
            delimiter=delimiter,
            header=header.split(",") if header else (),
            command=_without_out(sys.argv[1:]),
            progress=progress,
        )
    make_console().print(ImportView(out, imported.report))


def split(
    source: given.Imported,
    out: given.Out,
    name: given.Name = None,
    overwrite: given.Overwrite = False,
    by: given.SplitBy = "ratio",
    ratio: given.Ratio = "8:1:1",
    leave: given.Leave = 1,
    valid_from: given.ValidFrom = None,
    test_from: given.TestFrom = None,
    cold_items: given.ColdItems = 0.0,
    seed: given.Seed = 999,
) -> None:
    """Split an imported data set in another way; events, ids and features stay the same."""
    from ccd.importing.options import SplitOptions, name_of
    from ccd.importing.resplit import split_again
    from ccd.importing.stored import open_import
    from ccd.terminal.console import make_console
    from ccd.views.import_text import ImportView

    report = split_again(
        open_import(source),
        name or name_of(out.resolve()),
        SplitOptions(by, _shares(ratio), leave, valid_from, test_from, seed, cold_items),
        out,
        overwrite=overwrite,
        command=_without_out(sys.argv[1:]),
    )
    make_console().print(ImportView(out, report))


def _without_out(words: list[str]) -> list[str]:
    """What was typed but for ``--out``, so that an import is the same wherever it is written."""
    kept = [word for word in words if not word.startswith("--out=")]
    if "--out" in kept:
        at = kept.index("--out")
        del kept[at : at + 2]
    return ["ccd", *kept]


def _shares(ratio: str) -> tuple[int, int, int]:
    """The ratio as it is typed.

    Raises:
        ConfigError: It is none.
    """
    shares = ratio.split(":")
    if len(shares) != 3 or not all(share.isascii() and share.isdigit() for share in shares):
        raise ConfigError(
            "--ratio: expected three whole numbers",
            keys=("--ratio",),
            found=repr(ratio),
            hint="write for instance --ratio 8:1:1",
        )
    train, valid, test = map(int, shares)
    return train, valid, test
