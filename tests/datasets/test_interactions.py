from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccd.datasets.interactions import read_interactions
from ccd.errors import CcdError, DamagedFileError, DataError, Place
from tests.datasets.files import HEADER, ROWS, write_inter

GOOD = HEADER + "\n0\t1\t0\n2\t3\t1\n"


def refusal(
    tmp_path, data: bytes | str, error: type[CcdError] = DataError, *, line: int | None = None
) -> str:
    """What the file with this content is refused with, at ``line``."""
    path = tmp_path / "bad.inter"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(error) as caught:
        read_interactions(path)
    assert caught.value.where == (Place(str(path), line),)
    return caught.value.one_line


def test_rows_are_read_in_order(tmp_path):
    table = read_interactions(write_inter(tmp_path / "a.inter"))
    rows = np.stack([table.users, table.items, table.labels], axis=1)
    assert rows.tolist() == [list(row) for row in ROWS]
    assert table.users.dtype == np.int64
    assert table.notes == ()


def test_extra_columns_in_any_order_are_ignored_and_noted(tmp_path):
    header = "userID\titemID\trating\ttimestamp\tx_label"
    rows = [(0, 1, 5.0, "12", 0), (1, 0, "", "\xff", 2)]
    table = read_interactions(write_inter(tmp_path / "a.inter", rows, header))
    assert table.items.tolist() == [1, 0]
    assert table.labels.tolist() == [0, 2]
    assert table.notes == ("a.inter: columns that are not used: rating, timestamp",)


def test_windows_line_ends_and_byte_order_mark_are_accepted_and_noted(tmp_path):
    path = write_inter(tmp_path / "a.inter", end="\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    table = read_interactions(path)
    assert table.users.tolist() == [user for user, _, _ in ROWS]
    assert "byte order mark" in table.notes[0]
    assert "CRLF" in table.notes[1]


def test_a_last_line_without_line_end_is_accepted(tmp_path):
    path = tmp_path / "a.inter"
    path.write_text(GOOD.rstrip("\n"))
    assert read_interactions(path).items.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("header", "guess"),
    [
        ("userID,itemID,x_label", "separated by commas"),
        ("userID;itemID;x_label", "separated by semicolons"),
        ("userID itemID x_label", "separated by blanks"),
        ('"userID"\t"itemID"\t"x_label"', "quoted"),
        ("0\t1\t0", "header is missing"),
        ("user_id:token\titem_id:token", "RecBole"),
        ("userid\titemid\tx_label", "case-sensitive"),
        ("userID\titemID\tlabel", "no column x_label"),
        ("userID\titemID\tx_label\tuserID", "twice"),
        ("userID\titemID\tx_label\r0\t1\t0", "bare CR"),
    ],
)
def test_a_wrong_header_is_refused_with_a_guess(tmp_path, header, guess):
    message = refusal(tmp_path, header + "\n0\t1\t0\n", line=1)
    assert message.startswith("expected the tab-separated columns 'userID itemID x_label', got ")
    assert guess in message


@pytest.mark.parametrize(
    ("header", "guess"),
    [(HEADER.encode("utf-16"), "UTF-16"), (HEADER.encode() + b"\xe9", "0xe9 at position 21")],
)
def test_another_encoding_is_refused(tmp_path, header, guess):
    assert guess in refusal(tmp_path, header + b"\n0\t1\t0\n", line=1)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("4,5,0", "found 1 of 3 tab-separated values: '4,5,0'"),
        ("4\t5", "found 2 of 3 tab-separated values"),
        ("4\t5\t0\t1", "found 4 of 3 tab-separated values"),
        ("", "the line is empty"),
        ("4.0\t5\t0", "userID '4.0' is a decimal number"),
        ("4\t\t0", "itemID is missing"),
        ("4\tNA\t0", "itemID 'NA' stands for a missing value"),
        ("nan\t5\t0", "userID 'nan' stands for a missing value"),
        ("4\t5\t0x1", "x_label is not an integer: '0x1'"),
        ('4\t"5"\t0', "is quoted"),
        ("4\t5\ttrain", "x_label is not an integer: 'train'"),
        (b"4\t\xe9\t0", "is not UTF-8"),
        ("4\t5\t3", "unknown x_label 3"),
        ("4\t5\t-1", "unknown x_label -1"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(tmp_path, line, says):
    raw = line if isinstance(line, bytes) else line.encode()
    assert says in refusal(tmp_path, GOOD.encode() + raw + b"\n6\t7\t0\n", line=4)


def test_the_first_of_many_faults_is_named_behind_good_rows(tmp_path):
    good = "".join(f"{i}\t{i}\t0\n" for i in range(5000))
    bad = "1.5\t1\t0\n2.5\t1\t0\n"
    assert "userID '1.5'" in refusal(tmp_path, f"{HEADER}\n{good}{bad}", line=5002)


@pytest.mark.parametrize("body", ["", "\n", "\r\n\n"])
def test_a_header_alone_is_refused(tmp_path, body):
    assert "has a header but no interactions" in refusal(tmp_path, f"{HEADER}\n{body}")


def test_an_empty_file_is_damaged(tmp_path):
    message = refusal(tmp_path, "", DamagedFileError)
    assert "is empty (0 bytes), expected the header 'userID itemID x_label'" in message


def test_a_file_that_ends_within_a_line_is_damaged(tmp_path):
    message = refusal(tmp_path, GOOD + "4\t5", DamagedFileError, line=4)
    assert "found 2 of 3" in message
    assert f"cut off at {len(GOOD) + 3} bytes" in message


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot read this"):
        read_interactions(tmp_path)


@given(cell=st.text(st.characters(exclude_characters="\t\n\r", codec="utf-8"), max_size=12))
def test_no_cell_is_read_as_another_id(tmp_path_factory, cell):
    path = tmp_path_factory.mktemp("cell") / "a.inter"
    path.write_bytes(f"{HEADER}\n{cell}\t1\t0\n0\t1\t2\n".encode())
    try:
        table = read_interactions(path)
    except DataError:
        return
    if table.user_ids:
        assert [table.user_ids[user] for user in table.users] == [cell.strip(), "0"]
    else:
        assert table.users.tolist() == [int(cell), 0]


@given(
    rows=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 2)), min_size=1),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_is_written_is_read(tmp_path_factory, rows, end):
    path = write_inter(tmp_path_factory.mktemp("rows") / "a.inter", rows, end=end)
    table = read_interactions(path)
    assert list(zip(table.users, table.items, table.labels, strict=True)) == rows


@given(
    rows=st.lists(
        st.tuples(
            st.integers(-(2**70), 2**70), st.text("aZ9-_.é漢 ", min_size=1), st.integers(0, 2)
        ),
        min_size=1,
    )
)
def test_whatever_ids_are_written_can_be_traced_back(tmp_path_factory, rows):
    path = write_inter(tmp_path_factory.mktemp("rows") / "a.inter", rows)
    try:
        table = read_interactions(path)
    except DataError:
        return
    for ids, positions, column in (
        (table.user_ids, table.users, 0),
        (table.item_ids, table.items, 1),
    ):
        expected = [str(row[column]).strip() for row in rows]
        found = [ids[p] if ids else str(p) for p in positions]
        assert found == expected


MIXED = [("u9", 1, 0), ("u10", 0, 0), ("7", 1, 1), ("u9", 2, 2)]


def test_text_ids_are_numbered_in_sorted_order_and_noted(tmp_path):
    table = read_interactions(write_inter(tmp_path / "a.inter", MIXED))
    assert table.user_ids == ("7", "u10", "u9")
    assert table.users.tolist() == [2, 1, 0, 2]
    assert (table.items.tolist(), table.item_ids) == ([1, 0, 1, 2], ())
    assert table.notes == (
        "a.inter: user ids do not count from 0 ('u9' in line 2); the 3 ids were sorted as texts "
        "and numbered",
    )


def test_the_numbering_does_not_depend_on_the_order_of_the_rows(tmp_path):
    table = read_interactions(write_inter(tmp_path / "a.inter", MIXED))
    other = read_interactions(write_inter(tmp_path / "b.inter", MIXED[::-1]))
    assert table.user_ids == other.user_ids
    assert table.users.tolist() == other.users.tolist()[::-1]


@pytest.mark.parametrize("odd", [-4, 60_000_000, 2**62, 10**20, "B00X", "0x1F", "1 2", "007"])
def test_odd_ids_of_users_and_of_items_without_features_are_numbered(tmp_path, odd):
    for column in (0, 1):
        rows = [list(row) for row in ROWS]
        rows[5][column] = odd
        table = read_interactions(write_inter(tmp_path / "a.inter", rows))
        ids, positions = ((table.user_ids, table.users), (table.item_ids, table.items))[column]
        assert [ids[p] for p in positions] == [str(row[column]) for row in rows]
        assert f"({str(odd)!r} in line 7)" in table.notes[0]


@pytest.mark.parametrize("odd", [-4, 700, 2**62, "B00X"])
def test_items_with_features_must_be_numbered_like_the_rows(tmp_path, odd):
    path = write_inter(tmp_path / "a.inter", [*ROWS, (0, odd, 0)])
    with pytest.raises(DataError) as caught:
        read_interactions(path, featured=True)
    assert caught.value.what == f"itemID '{odd}' is no row of the feature files"
    assert caught.value.where == (Place(str(path), 14),)
    assert "mmrec_dataset.item_order" in caught.value.hint


def test_ids_are_what_the_file_has(tmp_path):
    rows = [("001", " 1", 0), ("1", 1, "00"), (0, 0, 1)]
    with pytest.raises(DataError, match="two itemIDs differ in blanks alone"):
        read_interactions(write_inter(tmp_path / "a.inter", rows))
    table = read_interactions(write_inter(tmp_path / "a.inter", [rows[0], rows[2]]))
    assert (table.user_ids, table.users.tolist()) == (("0", "001"), [1, 0])
    assert (table.item_ids, table.items.tolist()) == ((), [1, 0])


def test_an_order_gives_items_their_positions(tmp_path):
    path = write_inter(tmp_path / "a.inter", [(0, "b", 0), (1, " 007", 1), (0, "a", 2)])
    table = read_interactions(path, item_order=("a", "cold", "b", "007"), featured=True)
    assert table.items.tolist() == [2, 3, 0]
    assert table.item_ids == ("a", "cold", "b", "007")
    says = r"itemID 'b' is not among the 2 ids .*\(2 such rows\)"
    with pytest.raises(DataError, match=says) as caught:
        read_interactions(path, item_order=("a", "cold"))
    assert caught.value.where == (Place(str(path), 2),)
