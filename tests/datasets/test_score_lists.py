import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ccd.datasets.score_lists import read_score_lists
from ccd.errors import ConfigError, DamagedFileError, DataError, Place
from tests.backbones.worlds import dataset

DATA = dataset()


def written(tmp_path, name, *lines):
    path = tmp_path / name
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def entries(path, data=DATA, **options):
    found = read_score_lists(path, data, **options)
    return list(zip(found.users.tolist(), found.items.tolist(), found.ranks.tolist(), strict=True))


WANTED = [(2, 7, 1), (2, 3, 2), (5, 0, 1)]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("a.tsv", ["user\titem\tscore", "5\t0\t-3", "2\t3\t0.25", "2\t7\t1e3"]),
        ("a.csv", ["user,item,rank", "2,7,1", "2,3,2", "5,0,1"]),
        ("a.csv", ['"userID",itemID,prediction,"x, y"', '2,3,.1,"a, b"', "2,7,.2,", "5,0,0,"]),
        ("a.txt", ["rank\titem_id\tuser_id", "9\t3\t2", "4\t7\t2", "1\t0\t5"]),
        ("a.run", ["2 Q0 3 1 0.5 x", "2 Q0 7 2 0.75 x", "5\tQ0\t0 1 9 x"]),  # the score decides
        ("a.trec", ["2 Q0 7 1 1 x", "2 Q0 3 2 1 x", "5 Q0 0 1 9 x"]),  # of equal ones, the rank
        ("a.tsv", ["user\titem\tscore", "2\t7\t1", "2\t3\t1", "5\t0\t1"]),  # or the file
    ],
)
def test_the_same_lists_from_every_format(tmp_path, name, lines):
    assert entries(written(tmp_path, name, *lines)) == WANTED


@pytest.mark.parametrize("text", [int, str])
def test_parquet_with_numbers_or_texts(tmp_path, text):
    path = tmp_path / "a.parquet"
    columns = {
        "user": [text(x) for x in (2, 2, 5)],
        "item": [text(x) for x in (3, 7, 0)],
        "score": [0.1, 0.2, 0.3],
    }
    pq.write_table(pa.table(columns), path)
    assert entries(path) == WANTED
    columns["item"][1] = None
    pq.write_table(pa.table(columns), path)
    with pytest.raises(DataError, match="item is missing") as caught:
        entries(path)
    assert caught.value.where == (Place(str(path), 2),)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DamagedFileError, match="not a complete Parquet file"):
        entries(path)


def test_ids_are_those_of_the_data_set_or_row_numbers(tmp_path):
    object_ids = dataset()
    object.__setattr__(object_ids, "user_ids", tuple(f"u{i}" for i in range(30)))
    object.__setattr__(object_ids, "item_ids", tuple(str(100 + i) for i in range(25)))
    path = written(tmp_path, "a.csv", "user,item,rank", "u2,107,1", "u2,103,2", "u5,100,1")
    assert entries(path, object_ids) == WANTED
    rows = written(tmp_path, "b.csv", "user,item,rank", "2,7,1", "2,3,2", "5,0,1")
    assert entries(rows, object_ids, rows=True) == WANTED
    with pytest.raises(DataError, match=r"no user '2' .*\n.*b.csv:2\n.*row numbers.* --rows"):
        entries(rows, object_ids)


@pytest.mark.parametrize(
    ("name", "lines", "line", "message"),
    [
        ("a.tsv", ["user\titem", "1\t2"], 1, "expected the columns user, item, and score or rank"),
        ("a.tsv", [], 1, "expected the columns"),
        ("a.tsv", ["user\titem\tscore", "1\t2\t3", "1\t3"], 3, "expected 3 values, got 2"),
        ("a.tsv", ["user\titem\tscore", ""], 2, "expected 3 values, got 0"),
        ("a.tsv", ["user\titem\tscore", "1\t2\tnan"], 2, "score must be a number, got 'nan'"),
        ("a.tsv", ["user\titem\trank", "1\t2\t1.5"], 2, "rank must be a whole number"),
        ("a.tsv", ["user\titem\trank", "30\t2\t1"], 2, r"no user '30' .*"),
        ("a.tsv", ["user\titem\trank", "-1\t2\t1"], 2, "no user '-1'"),
        ("a.tsv", ["user\titem\trank", "1\t25\t1"], 2, "no item '25'"),
        ("a.tsv", ["user\titem\trank", "1\t2\t1", "1\t 2\t2"], 3, "second time, after line 2"),
        ("a.csv", ["user,item,rank", '1,"2'], 2, "cannot read this line"),
        ("a.run", ["1 Q0 2 1 0.5 x", "1 Q0 3 2 0.4"], 2, "a line of a TREC run file is"),
    ],
)
def test_what_is_no_entry_is_refused_with_its_line(tmp_path, name, lines, line, message):
    path = written(tmp_path, name, *lines)
    with pytest.raises(DataError, match=message) as caught:
        entries(path)
    assert caught.value.where == (Place(str(path), line),)


def test_files_without_lists_and_of_unknown_kinds_are_refused(tmp_path):
    with pytest.raises(DataError, match="holds no list"):
        entries(written(tmp_path, "a.tsv", "user\titem\trank"))
    with pytest.raises(ConfigError, match=r"give it one of the endings .tsv"):
        entries(written(tmp_path, "a.json", "{}"))
