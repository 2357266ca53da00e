from __future__ import annotations

import numpy as np
import pytest

from ccd.datasets.ids import Column, number_ids, plain_number, read_order
from ccd.errors import DataError, Place


def column(*cells):
    distinct = list(dict.fromkeys(cells))
    return Column(distinct, np.array([distinct.index(cell) for cell in cells]))


def test_positions_stay_as_they_are(tmp_path):
    numbered = number_ids(tmp_path, "item", column("3", "0", "3", " 7"), featured=True)
    assert numbered.positions.tolist() == [3, 0, 3, 7]
    assert numbered.positions.dtype == np.int64
    assert (numbered.ids, numbered.notes) == ((), ())


def test_texts_are_stripped_sorted_and_numbered(tmp_path):
    numbered = number_ids(tmp_path, "user", column("b", " a", "b", "10"))
    assert numbered.ids == ("10", "a", "b")
    assert numbered.positions.tolist() == [2, 1, 2, 0]


@pytest.mark.parametrize("odd", ["01", "+5", "1e3", "-0", "00", "\u0663", "1_0", "7.", "0x1", "5-"])
def test_only_the_plain_form_of_a_number_is_a_position(tmp_path, odd):
    numbered = number_ids(tmp_path, "user", column("1", odd, "5", "3", "0"))
    assert [numbered.ids[p] for p in numbered.positions] == ["1", odd, "5", "3", "0"]
    assert f"({odd!r} in line 3)" in numbered.notes[0]
    assert plain_number(odd) is None
    with pytest.raises(DataError, match="is no row of the feature files"):
        number_ids(tmp_path, "item", column("1", odd), featured=True)


@pytest.mark.parametrize("twin", [" 7", "7 ", "\u00a07", "7\u3000"])
@pytest.mark.parametrize("order", [(), ("7", "8")])
def test_ids_that_differ_in_blanks_alone_are_refused_with_both_lines(tmp_path, twin, order):
    with pytest.raises(DataError, match="two userIDs differ in blanks alone") as caught:
        number_ids(tmp_path, "user", column("8", "7", "8", twin), order=order)
    assert [(place.line, place.text) for place in caught.value.where] == [
        (3, "'7'"),
        (5, repr(twin)),
    ]


@pytest.mark.parametrize(("largest", "is_position"), [(299, True), (300, False)])
def test_gaps_up_to_a_hundredfold_are_positions(tmp_path, largest, is_position):
    numbered = number_ids(tmp_path, "user", column("0", "1", str(largest)))
    assert (numbered.ids == ()) == is_position


def test_an_order_is_read_as_it_stands(tmp_path):
    path = tmp_path / "order.txt"
    path.write_bytes("\ufeffB00X\r\n007\r\n\u00e9\r\n".encode())
    assert read_order(path) == ("B00X", "007", "\u00e9")


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (b"a\nb\na\n", 3, "item id 'a' of line 1 is repeated"),
        (b"a\n\nb\n", 2, "the line is empty"),
        (b"", 1, "the line is empty"),
        (b"a\n\xe9\n", None, "not UTF-8: byte 2"),
    ],
)
def test_a_wrong_order_is_refused_with_its_line(tmp_path, data, line, says):
    path = tmp_path / "order.txt"
    path.write_bytes(data)
    with pytest.raises(DataError, match=says) as caught:
        read_order(path)
    assert caught.value.where == (Place(str(path), line),)
