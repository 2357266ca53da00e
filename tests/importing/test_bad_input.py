"""Whatever a file holds, an import makes a data set or refuses, and leaves nothing half made."""

from __future__ import annotations

import gzip
import json
import pickle
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from ccd.errors import CcdError, DamagedFileError, DataError
from ccd.importing.sources import Reading, stream
from tests.importing.worlds import import_paths, loaded, pairs, rows

CODE = b"{'user': 1, 'item': __import__('os')}\n"
GOOD = "user,item,time\n" + "".join(f"{u},{i},{t}\n" for u, i, t, _ in rows())


def refused(folder: Path, name: str, content: str | bytes, **options: object) -> CcdError:
    """The refusal of a file; nothing is left where the data set should be."""
    source = folder / name
    source.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(CcdError) as caught:
        import_paths(folder / "out", source, **options)
    assert [path.name for path in folder.iterdir()] == [name]
    return caught.value


@pytest.mark.parametrize(
    ("name", "content", "line", "words"),
    [
        ("e.csv", "", None, "empty (0 bytes)"),
        ("e.csv", "\n\n\n", None, "no lines with text"),
        ("e.csv", "user,item,time\n", 1, "there are no events"),
        ("e.csv", GOOD + "u,i\n", GOOD.count("\n") + 1, "found 2 of 3 cells"),
        ("e.csv", GOOD + "u,i", GOOD.count("\n") + 1, "seems cut off"),
        ("e.csv", GOOD.replace("\n", "\nu,i\x00,1\n", 1), 2, "NUL"),
        ("e.csv", GOOD.replace("time", "user"), 1, "two columns are called 'user'"),
        ("e.csv", GOOD + "u,i,yesterday\n", GOOD.count("\n") + 1, "expected a time"),
        ("e.csv", GOOD + "u,i,2024-13-01\n" * 2, GOOD.count("\n") + 1, "'time'"),
        ("e.csv", GOOD.encode() + b"u\xff,i,1\n", GOOD.count("\n") + 1, "UTF-8"),
        ("e.csv", GOOD.encode("utf-16"), None, "UTF-16"),
        ("e.csv", GOOD.replace("item", "thing"), 1, "--item"),
        ("e.csv", b"PK\x03\x04" + bytes(50), None, "zip archive"),
        ("e.xlsx", b"PK\x03\x04" + bytes(50), None, "a workbook"),
        ("e.csv", pickle.dumps([1]), None, "pickle"),
        ("e.parquet", b"PAR1" + bytes(20), None, "no whole Parquet file"),
        ("e.csv.gz", gzip.compress(GOOD.encode(), mtime=0)[:-20], None, "cut off"),
        ("e.jsonl", '{"user": 1, "item": 2}\n{"user": 1, "it', 2, "cut off"),
        ("e.jsonl", '{"user": 1, "item": 2}\n[1]\n', 2, "expected one object"),
        ("e.jsonl", '{"user": 1, "item": 2}\n{"user": 1, "user": 2}\n', 2, "no JSON object"),
        ("e.json.gz", gzip.compress(CODE, mtime=0), 1, "literal"),
    ],
)  # fmt: skip
def test_refusals_name_file_and_line(tmp_path, name, content, line, words):
    error = refused(tmp_path, name, content)
    assert words in str(error)
    assert error.where[0].file == str(tmp_path / name)
    if line is not None:
        assert error.where[0].line == line


def test_quoted_line_ends_do_not_shift_the_line(tmp_path):
    text = 'user,item,rating,note\nu1,i1,5,"one\ntwo"\n\nu1,i2,many,x\n'
    error = refused(tmp_path, "e.csv", text, value_at_least=1.0)
    assert error.where[0].line == 5


def test_two_columns_of_one_name_in_parquet(tmp_path):
    made = pa.Table.from_arrays([pa.array(["a"])] * 3, names=["user", "item", "item"])
    parquet.write_table(made, tmp_path / "e.parquet")
    with pytest.raises(DataError, match="two columns are called 'item'"):
        import_paths(tmp_path / "out", tmp_path / "e.parquet")


def test_a_gzip_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "FREE_BYTES", 2**16)
    bomb = gzip.compress(b"user,item\n" + b"u,i\n" * 2**20, mtime=0)
    assert "unpacks to more than" in str(refused(tmp_path, "e.csv.gz", bomb))


def test_a_damaged_gzip_or_parquet_is_said_to_be_so(tmp_path):
    packed = bytearray(gzip.compress(GOOD.encode()))
    packed[40] ^= 0xFF
    assert isinstance(refused(tmp_path, "e.csv.gz", bytes(packed)), DamagedFileError)
    (tmp_path / "e.csv.gz").unlink()
    parquet.write_table(pa.table({"user": ["u"] * 999, "item": ["i"] * 999}), tmp_path / "p")
    whole = bytearray((tmp_path / "p").read_bytes())
    (tmp_path / "p").unlink()
    whole[8:40] = bytes(32)
    assert isinstance(refused(tmp_path, "e.parquet", bytes(whole)), DamagedFileError)


def test_another_encoding_can_be_named(tmp_path):
    (tmp_path / "e.csv").write_bytes(GOOD.replace("0001", "J\xf6rg").encode("latin-1"))
    import_paths(tmp_path / "out", tmp_path / "e.csv", how=Reading(encoding="latin-1"))
    assert "J\xf6rg" in loaded(tmp_path / "out").user_ids


ids = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00\r"), max_size=6
)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(ids, ids, st.integers(-(10**10), 10**10)), max_size=40),
    st.sampled_from([",", ";", "|", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_any_ids_come_back_or_are_refused(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[tuple[str, str, int]],
    delimiter: str,
    encoding: str,
    end: str,
) -> None:
    import csv
    import io

    folder = tmp_path_factory.mktemp("any")
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("user", "item", "time"), *events])
    (folder / "e.csv").write_text(text.getvalue(), encoding=encoding, newline="")
    expected = {(user, item) for user, item, _ in events if user and item}
    try:
        report = import_paths(folder / "out", folder / "e.csv")
    except CcdError:
        assert not (folder / "out").exists()
        return
    assert report["rows"] == len(events)
    assert pairs(loaded(folder / "out")) == expected


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    for name in ("e.csv", "e.jsonl", "e.parquet", "e.csv.gz", "e.inter"):
        (folder / name).write_bytes(content)
        with pytest.raises(CcdError):
            import_paths(folder / "out", folder / name)
    assert not (folder / "out").exists()


@settings(max_examples=40)
@given(st.data())
def test_a_file_cut_anywhere_is_refused_or_whole_lines(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    lines = [json.dumps({"user": u, "item": i, "time": t}) for u, i, t, _ in rows()]
    for name, whole in (
        ("e.csv.gz", gzip.compress(GOOD.encode(), mtime=0)),
        ("e.jsonl", "\n".join(lines).encode()),
    ):
        at = data.draw(st.integers(0, len(whole) - 1))
        (folder / name).write_bytes(whole[:at])
        try:
            report = import_paths(folder / "out" / name, folder / name)
        except CcdError:
            continue
        assert name == "e.jsonl"
        assert whole[:at].count(b"}") == report["rows"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"purchasable": "in_stock"}, "--purchasable in_stock"),
        ({"new_items": "keep", "item_name": "title"}, "--item-name title, --new-items keep"),
        ({"unknown_items": "drop"}, "--unknown-items drop"),
    ],
)
def test_what_is_said_of_a_table_of_items_needs_one(tmp_path, options, found):
    error = refused(tmp_path, "e.csv", GOOD, **options)
    assert error.found == found
    assert "--items FILE" in error.hint


@pytest.mark.parametrize(
    ("ids", "hint"), [("007 008", "lost their leading zeros"), ("a b", "--item and --item-id")]
)
def test_a_table_with_none_of_the_items_is_refused(tmp_path, ids, hint):
    (tmp_path / "e.csv").write_text("user,item\nu,7\nu,8\nv,7\nv,8\n")
    (tmp_path / "i.csv").write_text("item,title\n" + "".join(f"{i},x\n" for i in ids.split()))
    with pytest.raises(DataError, match="no item of the events is in the table") as caught:
        import_paths(tmp_path / "out", tmp_path / "e.csv", items=[tmp_path / "i.csv"])
    assert hint in caught.value.hint
    assert not (tmp_path / "out").exists()
