import pytest

from ccd.datasets.item_names import read_item_names
from ccd.errors import DataError, Place
from tests.datasets.files import write_dataset
from tests.datasets.test_mmrec import load


def written(tmp_path, *lines, name="names.tsv"):
    path = tmp_path / name
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_names_go_to_positions_and_may_be_left_out(tmp_path):
    path = written(tmp_path, "itemID\tname", '2\tA "soft", warm bib', "0\tBottle")
    assert read_item_names(path, 4, ()) == ("Bottle", "", 'A "soft", warm bib', "")


def test_text_ids_and_commas(tmp_path):
    path = written(tmp_path, "itemID,name", 'B7,"Cup, blue"', "A1,Bib", name="names.csv")
    assert read_item_names(path, 2, ("A1", "B7")) == ("Bib", "Cup, blue")


@pytest.mark.parametrize(
    ("lines", "line", "message"),
    [
        (["0\tBib"], 1, r"expected the columns itemID and name, got \['0', 'Bib'\]"),
        (["itemID,name"], 1, r"expected the columns"),
        (["itemID\tname", "0\tBib", "4\tCup"], 3, r"itemID '4' is no item .* ids are 0 to 3"),
        (["itemID\tname", "B0\tBib"], 2, r"itemID 'B0' is no item of the data set"),
        (["itemID\tname", "-1\tBib"], 2, r"itemID '-1' is no item"),
        (["itemID\tname", "01\tBib"], 2, r"itemID '01' is no item"),
        (["itemID\tname", "1\tBib", "1\tCup"], 3, r"item '1' is named a second time, after line 2"),
        (["itemID\tname", "1"], 2, r"expected an item id and its name, got \['1'\]"),
        (["itemID\tname", "1\t "], 2, r"expected an item id and its name"),
        (["itemID\tname", ""], 2, r"expected an item id and its name"),
        ([], 1, r"expected the columns itemID and name, got nothing"),
    ],
)
def test_whatever_is_no_name_of_an_item_is_refused(tmp_path, lines, line, message):
    path = written(tmp_path, *lines)
    with pytest.raises(DataError, match=message) as caught:
        read_item_names(path, 4, ())
    assert caught.value.where == (Place(str(path), line),)


def test_other_encodings_and_open_quotes_are_refused(tmp_path):
    path = tmp_path / "names.csv"
    path.write_bytes("itemID,name\n0,Fläschchen\n".encode("latin-1"))
    with pytest.raises(DataError, match="is not UTF-8"):
        read_item_names(path, 1, ())
    path.write_text('itemID,name\n0,"Bib\n')
    with pytest.raises(DataError, match="cannot read this line"):
        read_item_names(path, 1, ())


def test_the_data_set_has_them_and_its_fingerprint_does_not(tmp_path):
    folder = write_dataset(tmp_path / "mini")
    written(folder, "itemID\tname", "1\tBib")
    named = load(tmp_path, item_names="names.tsv")
    assert named.item_names == ("", "Bib", "", "", "", "")
    assert named.fingerprint == load(tmp_path).fingerprint
    with pytest.raises(DataError, match="other.tsv: names of items"):
        load(tmp_path, item_names="other.tsv")
