"""The epochs of a run are read as they were written."""

import json
from dataclasses import replace

import pytest

from ccd.errors import DamagedFileError
from ccd.files import append_line
from ccd.negative_source import NegativeSource
from ccd.runs.folder import read_history
from ccd.runs.sealed import sealed
from tests.runs.samples import make_epoch

SOURCES = [
    NegativeSource.none(),
    NegativeSource.of_pool(2, 4),
    NegativeSource.own("mix of 32", stage=3),
]


def test_records_come_back_as_they_were(tmp_path):
    written = [make_epoch("A", epoch=e, source=source) for e, source in enumerate(SOURCES)]
    written[1] = replace(written[1], negatives={"hard_gradient": 0.5})
    written[2] = replace(written[2], valid=None, best=None, best_epoch=None)
    for record in written:
        append_line(tmp_path / "history.jsonl", record.to_json())
    found = read_history(tmp_path)
    assert found == written
    assert [record.source.label for record in found] == ["none", "pool 2/4", "mix of 32"]


def test_the_source_is_an_object_with_a_label(tmp_path):
    record = json.loads(json.dumps(make_epoch("A").to_json()))
    assert record["source"] == {
        "kind": "pool", "pool": 2, "n_pools": 4, "stage": 0, "label": "pool 2/4",
    }  # fmt: skip


def test_no_file_is_no_history(tmp_path):
    assert read_history(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source": "pool 2/4"}, "source: Input should be a dictionary"),
        ({"source": {"kind": "guessed"}}, "source.kind: Input should be 'none', 'random', 'pool'"),
        ({"epoch": "x"}, "epoch: Input should be a valid integer"),
        ({"losses": {"total": None}}, "losses.total: Input should be a valid number"),
        ({"losses": {"bpr": 0.1}}, "losses: Value error, 'total' is missing"),
        ({"epoch": 10**30}, "epoch: Input should be less than or equal to 1000000000"),
        ({"negatives": {"hard_false": "many"}}, "negatives.hard_false: Input should be a valid"),
    ],
)
def test_a_damaged_line_is_refused_by_its_number(tmp_path, change, words):
    path = tmp_path / "history.jsonl"
    append_line(path, make_epoch("A").to_json())
    append_line(path, {**make_epoch("A", epoch=1).to_json(), **change})
    with pytest.raises(DamagedFileError, match=f"this line is not an epoch: {words}") as refused:
        read_history(tmp_path)
    assert [(place.file, place.line) for place in refused.value.where] == [(str(path), 2)]


def test_a_line_whose_values_are_not_those_written_is_refused(tmp_path):
    path = tmp_path / "history.jsonl"
    append_line(path, sealed(make_epoch("A").to_json()))
    assert read_history(tmp_path) == [make_epoch("A")]
    path.write_text(path.read_text().replace("0.41", "0.42"))
    with pytest.raises(DamagedFileError, match=r"its checksum is another\n.*history.jsonl:1\n"):
        read_history(tmp_path)
