import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ccd.errors import DamagedFileError, ResourceError
from ccd.runs.per_user import PerUser, merge_per_user, read_per_user, write_per_user


def test_merge_keeps_every_run_with_its_users_and_metrics(tmp_path):
    first = PerUser(np.array([4, 1]), {"recall@5": np.array([0.5, 0.25])})
    second = PerUser(np.array([1, 4, 7]), {"recall@5": np.zeros(3), "ndcg@5": np.arange(3.0)})
    write_per_user(tmp_path / "a", "A", 1, first)
    write_per_user(tmp_path / "b", "B", 1, second)
    merge_per_user(tmp_path / "all", [tmp_path / "a", tmp_path / "b"])
    runs = read_per_user(tmp_path / "all")
    assert list(runs) == [("A", 1), ("B", 1)]
    assert runs[("A", 1)].users.tolist() == [4, 1]
    assert list(runs[("A", 1)].metrics) == ["recall@5"]
    assert runs[("B", 1)].metrics["ndcg@5"].tolist() == [0.0, 1.0, 2.0]
    schema = pq.read_schema(tmp_path / "all")
    assert schema.field("recall@5").type == pa.float32()
    assert pq.read_metadata(tmp_path / "all").num_rows == 5


def test_no_file_means_no_runs(tmp_path):
    assert read_per_user(tmp_path / "nothing") == {}


def test_truncated_file_is_refused(tmp_path):
    path = tmp_path / "per_user.parquet"
    write_per_user(path, "A", 1, PerUser(np.arange(9), {"recall@5": np.zeros(9)}))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DamagedFileError, match=r"per_user\.parquet"):
        read_per_user(path)


@pytest.mark.parametrize("start", range(4, 300, 37))
def test_a_file_damaged_inside_is_refused(tmp_path, start):
    path = tmp_path / "per_user.parquet"
    write_per_user(path, "A", 1, PerUser(np.arange(99), {"recall@5": np.arange(99) / 99}))
    data = bytearray(path.read_bytes())
    data[start : start + 180] = bytes(180)
    path.write_bytes(data)
    with pytest.raises(DamagedFileError, match=r"per_user\.parquet\n.*remove it"):
        read_per_user(path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "per_user.parquet").mkdir()
    with pytest.raises(
        ResourceError, match=r"cannot read this: Is a directory\n.*per_user\.parquet"
    ):
        read_per_user(tmp_path / "per_user.parquet")


def test_other_table_is_refused_naming_the_column(tmp_path):
    pq.write_table(pa.table({"variant": ["A"], "user": [1]}), tmp_path / "x")
    with pytest.raises(DamagedFileError, match="column seed"):
        read_per_user(tmp_path / "x")
