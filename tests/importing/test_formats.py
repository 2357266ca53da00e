"""The same events in every format are the same data set."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from ccd.errors import CcdError
from ccd.importing.sources import Reading
from tests.importing.worlds import import_paths, loaded, pairs, rows

ROWS = rows()
HEADER = ("user_id", "item_id", "timestamp", "rating")


def text(delimiter: str, header: tuple[str, ...] = HEADER, end: str = "\n") -> str:
    lines = [header, *ROWS] if header else ROWS
    return "".join(delimiter.join(map(str, line)) + end for line in lines)


def write_csv(path: Path) -> None:
    path.write_text(text(","))


def write_bom_crlf(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + text(";", end="\r\n").encode())


def write_quoted(path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow([*HEADER, "comment"])
        writer.writerows([*row, 'several\nlines, "quoted"'] for row in ROWS)


def write_gzip(path: Path) -> None:
    path.write_bytes(gzip.compress(text("\t").encode()))


def write_recbole(path: Path) -> None:
    header = ("user_id:token", "item_id:token", "timestamp:float", "rating:float")
    path.write_text(text("\t", header))


def write_json(path: Path) -> None:
    lines = (json.dumps(dict(zip(HEADER, row, strict=True))) for row in ROWS)
    path.write_text("\n".join(lines))


def write_amazon_2014(path: Path) -> None:
    header = ("reviewerID", "asin", "unixReviewTime", "overall")
    lines = (repr(dict(zip(header, row, strict=True)) | {"helpful": [0, 1]}) for row in ROWS)
    path.write_bytes(gzip.compress("\n".join(lines).encode()))


def write_amazon_2018(path: Path) -> None:
    lines = (
        json.dumps({"overall": r, "reviewerID": u, "asin": i, "unixReviewTime": t,
                    "style": {"Size:": "L"}})
        for u, i, t, r in ROWS
    )  # fmt: skip
    path.write_text("\n".join(lines) + "\n")


def write_amazon_2023(path: Path) -> None:
    lines = (
        json.dumps({"rating": r, "user_id": u, "parent_asin": i, "asin": f"variant of {i}",
                    "timestamp": t * 1000})
        for u, i, t, r in ROWS
    )  # fmt: skip
    path.write_text("\n".join(lines) + "\n")


def table() -> pa.Table:
    return pa.table({name: [row[i] for row in ROWS] for i, name in enumerate(HEADER)})


def write_parquet(path: Path) -> None:
    parquet.write_table(table(), path, row_group_size=7)


def write_categories(path: Path) -> None:
    made = table()
    coded = made["user_id"].dictionary_encode()
    times = made["timestamp"].cast(pa.timestamp("s"))
    columns = {"user_id": coded, "item_id": made["item_id"].cast(pa.large_string()),
               "time": times, "rating": made["rating"].cast(pa.decimal128(21, 2))}  # fmt: skip
    parquet.write_table(pa.table(columns), path)


def write_shards(path: Path) -> None:
    (path / "data").mkdir(parents=True)
    (path / "README.md").write_text("# a card")
    for k in range(3):
        shard = table().slice(k * 20, 20 if k < 2 else None)
        parquet.write_table(shard, path / "data" / f"all-0000{k}-of-00003.parquet")


FORMATS = {
    "events.csv": write_csv,
    "excel.csv": write_bom_crlf,
    "quoted.csv": write_quoted,
    "events.tsv.gz": write_gzip,
    "shop.inter": write_recbole,
    "events.jsonl": write_json,
    "reviews_Shop.json.gz": write_amazon_2014,
    "Shop_5.json": write_amazon_2018,
    "Shop.jsonl": write_amazon_2023,
    "events.parquet": write_parquet,
    "categories.parquet": write_categories,
    "shards": write_shards,
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_data(name, tmp_path):
    FORMATS[name](tmp_path / name)
    report = import_paths(tmp_path / "out", tmp_path / name)
    assert report["rows"] == len(ROWS)
    found = loaded(tmp_path / "out")
    assert pairs(found) == {(user, item) for user, item, *_ in ROWS}
    stored = parquet.read_table(tmp_path / "out" / "interactions.parquet").to_pylist()
    known = {
        (found.user_ids[row["userID"]], found.item_ids[row["itemID"]]): (
            row["time"].isoformat(),
            row["value"],
        )
        for row in stored
    }
    expected = pa.array([row[2] for row in ROWS], pa.timestamp("s")).to_pylist()
    assert known == {
        (user, item): (time.isoformat(), rating)
        for (user, item, _, rating), time in zip(ROWS, expected, strict=True)
    }


def test_movielens_with_its_movies(tmp_path):
    folder = tmp_path / "ml"
    folder.mkdir()
    lines = (f"{user}::{item[1:]}::{rating}::{time}" for user, item, time, rating in ROWS)
    (folder / "ratings.dat").write_text("\n".join(lines) + "\n")
    movies = "".join(f'{k:03d}::Am\xe9lie: {k}, "the" film (1999)::Drama|War\n' for k in range(9))
    (folder / "movies.dat").write_bytes(movies.encode("latin-1"))
    report = import_paths(tmp_path / "out", folder, new_items="keep")
    assert report["rows"] == len(ROWS)
    assert report["new_items"] == 1
    found = loaded(tmp_path / "out")
    assert found.item_names[0] == 'Am\xe9lie: 0, "the" film (1999)'
    assert found.n_items == 9


def test_recbole_folder_with_ready_splits_and_items(tmp_path):
    folder = tmp_path / "games"
    folder.mkdir()
    header = "user_id:token\titem_id:token"
    parts = {"train": ROWS[2:], "valid": ROWS[1:2], "test": ROWS[:1]}
    for split, part in parts.items():
        lines = [header, *(f"{user}\t{item}" for user, item, *_ in part)]
        (folder / f"games.{split}.inter").write_text("\n".join(lines) + "\n")
    items = ["item_id:token\titem_name:token_seq", *(f"i{k:03d}\tGame {k}" for k in range(8))]
    (folder / "games.item").write_text("\n".join(items) + "\n")
    report = import_paths(tmp_path / "out", folder)
    assert report["options"]["split"]["by"] == "labels"
    assert report["splits"]["train"] == len(ROWS) - 2
    found = loaded(tmp_path / "out")
    assert pairs(found, "test") == {ROWS[0][:2]}
    assert found.item_names[3] == "Game 3"


def test_headerless_files_need_names(tmp_path):
    source = tmp_path / "ratings_Baby.csv"
    source.write_text(text(",", ()))
    with pytest.raises(CcdError) as caught:
        import_paths(tmp_path / "out", source)
    assert "--header user,item,rating" in str(caught.value)
    how = Reading(header=("user", "item", "time", "rating"))
    import_paths(tmp_path / "out", source, how=how)
    assert loaded(tmp_path / "out").n_users == 12


def test_ids_keep_their_form(tmp_path):
    import uuid

    made = table()
    users = [uuid.UUID(int=int(user)).bytes for user, *_ in ROWS]
    items = [2**62 + int(item[1:]) for _, item, *_ in ROWS]
    columns = {"user": pa.array(users, pa.binary(16)), "item": items, "time": made["timestamp"]}
    parquet.write_table(pa.table(columns), tmp_path / "e.parquet")
    import_paths(tmp_path / "out", tmp_path / "e.parquet")
    found = loaded(tmp_path / "out")
    assert found.user_ids[3] == str(uuid.UUID(int=3))
    assert found.item_ids[:2] == (str(2**62), str(2**62 + 1))


def test_numbers_with_missing_values_are_still_ids(tmp_path):
    columns = {"user": [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, None, float("nan")],
               "item": [1, 2, 3, 1, 2, 3, 1, 1]}  # fmt: skip
    parquet.write_table(pa.table(columns), tmp_path / "e.parquet")
    report = import_paths(tmp_path / "out", tmp_path / "e.parquet")
    assert loaded(tmp_path / "out").user_ids == ("1", "2")
    assert report["dropped"] == {"no user": 2}
