"""Several processes at once in one folder and with one cache."""

from ccd.runs import ownership
from ccd.runs.checkpoints import CHECKPOINT_FILE
from ccd.runs.ownership import refuse_foreign
from ccd.runs.writing import RunFolder
from tests.faults.processes import ended, forked
from tests.interruptions import FULL, assert_same, run


def test_four_processes_share_one_folder_and_one_cache(tmp_path, monkeypatch):
    number, choice = 4, {"only": ("FREEDOM", FULL), "seeds": (1, 2)}
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "first"))
    run(tmp_path / "whole", **choice)
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))  # empty, so that all want to fill it
    children = [forked(lambda: run(tmp_path / "run", **choice)) for _ in range(number)]
    assert [ended(child) for child in children] == [0] * number
    assert_same(tmp_path / "run", tmp_path / "whole")
    made, expected = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("cache", "first")
    )
    assert made.keys() == expected.keys()
    assert not [*(tmp_path / "run").rglob("*.tmp"), *(tmp_path / "run").rglob(CHECKPOINT_FILE)]


def test_a_folder_that_another_process_begins_just_now_is_no_foreign_one(tmp_path, monkeypatch):
    read = ownership.read_manifest

    def begun_meanwhile(path):
        found = read(path)
        monkeypatch.setattr(ownership, "read_manifest", read)
        with RunFolder(path, metric="recall@20") as folder:
            folder.write_config("A.x = 1\n")
        return found

    monkeypatch.setattr(ownership, "read_manifest", begun_meanwhile)
    refuse_foreign(tmp_path)
    assert (tmp_path / "config.gin").exists()
