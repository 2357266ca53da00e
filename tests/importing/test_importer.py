"""An import as a whole: what it reports, what it leaves, and what is made of it."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from ccd.errors import ConfigError, DamagedFileError, DataError
from ccd.finished.asking import Asked
from ccd.importing.checking import check_data
from ccd.importing.convert import FORMATS, convert
from ccd.importing.features import FeaturePolicy, parse_feature_option
from ccd.importing.importer import Features
from ccd.importing.options import SplitOptions
from ccd.importing.resplit import split_again
from ccd.importing.stored import open_import
from tests.importing.worlds import import_paths, loaded, pairs, rows

ROWS = rows(30, 12)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with events.csv, some of which do not count, and items.csv."""
    lines = ["user,item,time,rating,type"]
    lines += [f"{u},{i},{t},{r},buy" for u, i, t, r in ROWS]
    lines += [f"{u},{i},{t - 10},1,view" for u, i, t, _ in ROWS[:40]]
    lines += [f"{u},{i},{t + 10},{r},buy" for u, i, t, r in ROWS[:7]]
    lines += [",i000,1700000000,5,buy", "0001,,1700000000,5,buy"]
    (tmp_path / "events.csv").write_text("\n".join(lines) + "\n")
    items = ["item,title,price,in_stock"]
    items += [f'i{k:03d},"Thing {k}, large",{k}.5,{"yes" if k % 2 else "no"}' for k in range(1, 14)]
    (tmp_path / "items.csv").write_bytes(b"\xef\xbb\xbf" + "\n".join(items).encode())
    return tmp_path


def test_everything_left_out_is_counted_under_its_reason(shop):
    report = import_paths(
        shop / "out", shop / "events.csv", where="type = 'buy'", value_at_least=2,
        user_core=3, item_core=3,
    )  # fmt: skip
    low = sum(r < 2 for *_, r in ROWS) + sum(r < 2 for *_, r in ROWS[:7])
    repeated = sum(r >= 2 for *_, r in ROWS[:7])
    assert report["rows"] == len(ROWS) + 49
    dropped = dict(report["dropped"])
    core = dropped.pop("k-core (3 a user, 3 an item)", 0)
    assert dropped == {
        "not where type = 'buy'": 40,
        "no user": 1,
        "no item": 1,
        "value below 2": low,
        "user and item repeated": repeated,
    }
    assert report["events"] == report["rows"] - sum(dropped.values()) - core
    assert sum(one["events"] for one in report["k_core_rounds"]) == core


def test_importing_again_gives_the_same_bytes(shop):
    for name in ("a", "b"):
        import_paths(shop / name, shop / "events.csv", items=[shop / "items.csv"])
    files = sorted(path.name for path in (shop / "a").iterdir())
    assert "shop.gin" in files
    for name in files:
        assert (shop / "a" / name).read_bytes() == (shop / "b" / name).read_bytes(), name
    (shop / "events.csv.gz").write_bytes(gzip.compress((shop / "events.csv").read_bytes()))
    import_paths(shop / "c", shop / "events.csv.gz", items=[shop / "items.csv"])
    for name in files:
        same = (shop / "a" / name).read_bytes() == (shop / "c" / name).read_bytes()
        assert same is (name != "import.json"), name


def test_the_order_of_the_rows_does_not_matter(shop):
    import_paths(shop / "a", shop / "events.csv")
    header, *lines = (shop / "events.csv").read_text().splitlines()
    (shop / "turned.csv").write_text("\n".join([header, *reversed(lines)]) + "\n")
    import_paths(shop / "b", shop / "turned.csv")
    a, b = loaded(shop / "a"), loaded(shop / "b")
    assert a.fingerprint == b.fingerprint


def test_items_have_names_and_say_what_can_be_had(shop):
    report = import_paths(
        shop / "out", shop / "events.csv", items=[shop / "items.csv"], purchasable="in_stock",
        new_items="keep",
    )  # fmt: skip
    found = loaded(shop / "out")
    assert found.item_ids == tuple(f"i{k:03d}" for k in range(14))
    assert found.item_names[:3] == ("", "Thing 1, large", "Thing 2, large")
    assert report["new_items"] == 2
    table = parquet.read_table(shop / "out" / "items.parquet").to_pydict()
    assert table["purchasable"][:3] == [None, True, False]
    assert found.purchasable[:3].tolist() == [True, True, False]  # nothing said: it can be had
    assert replace(found, purchasable=None).fingerprint == found.fingerprint
    hidden = Asked().hidden(found)
    assert hidden.tolist() == np.flatnonzero(~found.purchasable).tolist()
    assert len(hidden) > 0
    assert Asked(items=["i002"]).hidden(found).tolist() == [k for k in range(14) if k != 2]
    assert table["price"][1] == "1.5"
    assert any("1 of 12 items of the events are in no table" in note for note in report["notes"])


def test_events_of_unknown_items_are_dropped_or_refused_on_request(shop):
    sources = {"items": [shop / "items.csv"]}
    import_paths(shop / "out", shop / "events.csv", unknown_items="drop", **sources)
    assert "i000" not in loaded(shop / "out").item_ids
    with pytest.raises(DataError, match="'i000'"):
        import_paths(shop / "other", shop / "events.csv", unknown_items="refuse", **sources)
    assert not (shop / "other").exists()


def test_tables_of_items_are_joined_but_do_not_contradict(shop):
    (shop / "tags.tsv").write_text("item\ttags\ni002\tred\n")
    import_paths(shop / "out", shop / "events.csv", items=[shop / "items.csv", shop / "tags.tsv"])
    assert parquet.read_table(shop / "out" / "items.parquet")["tags"][2].as_py() == "red"
    (shop / "more.tsv").write_text("item\ttitle\ni002\tred\n")
    with pytest.raises(DataError, match="'title' is in two tables"):
        import_paths(
            shop / "no", shop / "events.csv", items=[shop / "items.csv", shop / "more.tsv"]
        )


def test_a_folder_with_something_in_it_is_not_touched(shop):
    import_paths(shop / "out", shop / "events.csv")
    with pytest.raises(ConfigError, match="holds an import already"):
        import_paths(shop / "out", shop / "events.csv")
    (shop / "notes").mkdir()
    (shop / "notes" / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="no import"):
        import_paths(shop / "notes", shop / "events.csv")
    assert [path.name for path in (shop / "notes").iterdir()] == ["mine.txt"]


def test_a_failure_in_the_middle_leaves_nothing(shop, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ccd.importing.importer.write_table", full)
    with pytest.raises(OSError, match="No space"):
        import_paths(shop / "out", shop / "events.csv")
    assert sorted(path.name for path in shop.iterdir()) == ["events.csv", "items.csv"]


@pytest.mark.parametrize("by", ["ratio", "ratio-by-time", "leave-last-out", "leave-k-out"])
def test_another_split_has_the_same_events(shop, by):
    import_paths(shop / "out", shop / "events.csv", items=[shop / "items.csv"])
    split_again(open_import(shop / "out"), "again", SplitOptions(by, seed=3), shop / "again")
    before, after = loaded(shop / "out"), loaded(shop / "again")
    assert pairs(before) == pairs(after)
    assert pairs(before, "test") != pairs(after, "test")
    assert after.item_names == before.item_names
    assert open_import(shop / "again").changed == []


def test_a_split_by_time_of_data_without_times_is_refused(shop):
    (shop / "bare.csv").write_text("user,item\n" + "".join(f"{u},{i}\n" for u, i, *_ in ROWS))
    import_paths(shop / "out", shop / "bare.csv")
    with pytest.raises(DataError, match="needs the time"):
        split_again(open_import(shop / "out"), "x", SplitOptions("leave-last-out"), shop / "again")
    assert not (shop / "again").exists()


@pytest.mark.parametrize("to", FORMATS)
def test_other_tools_get_the_same_splits(shop, to):
    import_paths(shop / "out", shop / "events.csv", items=[shop / "items.csv"])
    before = loaded(shop / "out")
    convert(before, to, shop / to)
    import_paths(shop / "back", shop / to)
    after = loaded(shop / "back")
    for split in ("train", "valid", "test"):
        if to == "mmrec":  # its ids are positions; the tables beside say which
            tables = {
                kind: dict(
                    reversed(line.split("\t"))
                    for line in (shop / to / f"{kind}_id_mapping.csv").read_text().splitlines()[1:]
                )
                for kind in "ui"
            }
            found = {(tables["u"][u], tables["i"][i]) for u, i in pairs(after, split)}
        else:
            found = pairs(after, split)
        assert found == pairs(before, split)
    if to == "recbole":
        assert after.item_names == before.item_names


def test_ids_that_a_format_cannot_hold_are_refused(tmp_path):
    lines = [json.dumps({"user": f"{u}\tx", "item": i}) for u, i, *_ in ROWS]
    (tmp_path / "e.jsonl").write_text("\n".join(lines) + "\n")
    import_paths(tmp_path / "out", tmp_path / "e.jsonl")
    with pytest.raises(DataError, match="cannot hold an id with a tab"):
        convert(loaded(tmp_path / "out"), "recbole", tmp_path / "rb")
    assert not (tmp_path / "rb").exists()
    convert(loaded(tmp_path / "out"), "lenskit", tmp_path / "lk")


def test_check_finds_what_was_changed(shop):
    import_paths(shop / "out", shop / "events.csv")

    def statuses() -> dict[str, str]:
        found = check_data(lambda: loaded(shop / "out"), shop / "out")
        return {one.name: one.status for one in found}

    assert statuses()["files"] == "ok"
    assert statuses()["time"] == "ok"
    shutil.copy(shop / "out" / "users.parquet", shop / "out" / "items.parquet")
    assert statuses() == {"files": "problem", "data set": "problem"}
    (shop / "out" / "import.json").write_text("{}")
    with pytest.raises(DamagedFileError):
        statuses()


def test_labels_of_the_source_are_kept(tmp_path):
    rng = np.random.Generator(np.random.PCG64(0))
    labels = ["train"] * 3 + ["valid", "test"]
    lines = [f"{u},{i},{labels[k % 5]}" for u in range(9) for k, i in enumerate(rng.permutation(5))]
    (tmp_path / "e.csv").write_text("user,item,split\n" + "\n".join(lines) + "\n")
    report = import_paths(tmp_path / "out", tmp_path / "e.csv")
    assert report["splits"] == {"train": 27, "valid": 9, "test": 9}
    expected = {tuple(line.split(",")[:2]) for line in lines if line.endswith("test")}
    assert pairs(loaded(tmp_path / "out"), "test") == expected


@pytest.mark.real
def test_lastfm_with_names_and_tags(real_data, tmp_path):
    raw = real_data / "lfm2k" / "raw"
    report = import_paths(
        tmp_path / "out", raw / "interactions.tsv", items=[raw / "artists.tsv", raw / "tags.tsv"]
    )
    assert report["splits"] == {"train": 44_327, "valid": 4_799, "test": 7_219}
    found = loaded(tmp_path / "out")
    assert (found.n_users, found.n_items) == (1_858, 1_425)
    assert all(found.item_names)
    assert found.item_names[found.item_ids.index("2")] == "Diary of Dreams"
    tags = parquet.read_table(tmp_path / "out" / "items.parquet")["tags"]
    assert tags.null_count == 0


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "sizes"),
    [("baby", (118_551, 20_559, 21_682)), ("sports", (218_409, 37_899, 40_029))],
)
def test_the_toolboxs_rule_on_real_data(real_data, tmp_path, name, sizes):
    report = import_paths(
        tmp_path / "out", real_data / name / f"{name}.inter", split=SplitOptions("ratio"),
        user_core=5, item_core=5,
    )  # fmt: skip
    assert tuple(report["splits"].values()) == sizes
    assert report["dropped"] == {}


def vectors(folder: Path, ids: list[str], made: np.ndarray, **policy: Any) -> Features:
    """Features ``text`` from a file of vectors and one of ids."""
    np.save(folder / "text.npy", made.astype(np.float32))
    (folder / "ids.txt").write_text("".join(f"{id_}\n" for id_ in ids))
    named = f"text={folder / 'text.npy'}:{folder / 'ids.txt'}"
    return Features((parse_feature_option(named),), FeaturePolicy(**policy))


@pytest.mark.parametrize("drop", [True, False])
def test_features_are_written_in_the_order_of_the_items(shop, drop):
    places = [k for k in np.random.Generator(np.random.PCG64(2)).permutation(14) if k != 3]
    made = np.stack([places, np.ones(13)], axis=1)
    report = import_paths(
        shop / "out", shop / "events.csv", items=[shop / "items.csv"], new_items="keep",
        features=vectors(
            shop, [f"i{k:03d}" for k in places], made, missing="drop" if drop else "keep"
        ),
    )  # fmt: skip
    found = loaded(shop / "out")
    assert ("i003" in found.item_ids) is not drop
    assert bool(report["dropped"].get("item lacks features")) is drop
    expected = [0 if id_ == "i003" else int(id_[1:]) for id_ in found.item_ids]
    assert found.features["text"][:, 0].tolist() == expected
    assert report["features"][0]["missing"] == (0 if drop else 1)
    assert report["features"][0]["alignment_z"] is None  # too few items
    split_again(open_import(shop / "out"), "s", SplitOptions("ratio", seed=5), shop / "s")
    assert np.array_equal(loaded(shop / "s").features["text"], found.features["text"])


@pytest.mark.parametrize("shuffled", [True, False])
def test_rows_in_another_order_are_noticed(tmp_path, shuffled):
    rng = np.random.Generator(np.random.PCG64(1))
    lines = []
    for user in range(300):
        centre = rng.integers(0, 100)
        for item in {int(k) for k in np.clip(rng.normal(centre, 3, 12), 0, 99)}:
            lines.append(f"{user},i{item:03d}")
    (tmp_path / "e.csv").write_text("user,item\n" + "\n".join(lines) + "\n")
    places = np.arange(100) * (np.pi / 100)
    made = np.stack([np.cos(places), np.sin(places)], axis=1)
    made = rng.permutation(made) if shuffled else made
    chosen = vectors(tmp_path, [f"i{k:03d}" for k in range(100)], made)
    report = import_paths(tmp_path / "out", tmp_path / "e.csv", features=chosen)
    assert (report["features"][0]["alignment_z"] > 10) is not shuffled
    assert any("do its rows belong to their ids?" in note for note in report["notes"]) is shuffled


def test_a_cold_split_marks_its_items_and_is_checked(shop):
    import_paths(shop / "out", shop / "events.csv", items=[shop / "items.csv"])
    options = SplitOptions("ratio", seed=3, cold_items=0.5)
    report = split_again(open_import(shop / "out"), "cold", options, shop / "cold")
    dataset = loaded(shop / "cold")
    marked = open_import(shop / "cold").cold()
    assert marked.sum() == sum(report["cold_items"].values()) >= 2
    assert not dataset.train_per_item[marked].any()
    checks = {one.name: one for one in check_data(lambda: dataset, shop / "cold")}
    assert checks["cold split"].status == "ok"
    leaky = replace(dataset, train=dataset.every)
    checks = {one.name: one for one in check_data(lambda: leaky, shop / "cold")}
    assert checks["cold split"].status == "problem"
    # Split again without: nothing of it is left.
    again = split_again(open_import(shop / "cold"), "warm", SplitOptions("ratio"), shop / "warm")
    assert "cold_items" not in again
    assert not open_import(shop / "warm").cold().any()
