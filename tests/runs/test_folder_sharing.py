"""Several processes have one run folder open."""

import json
import os

from ccd.runs.per_user import read_per_user

from .samples import (
    SETTINGS,
    finish,
    make_result,
    open_folder,
    read_lines,
)


def test_two_processes_in_one_folder_share_its_files_but_no_run(tmp_path):
    with open_folder(tmp_path) as one, open_folder(tmp_path) as other:
        with one.leasing("A", 999) as holder, other.leasing("A", 999) as told:
            assert holder is None
            assert told.startswith(f"process {os.getpid()} on ")
            finish(one, make_result("A", value=0.1))
            with other.leasing("B", 999):
                finish(other, make_result("B", value=0.2))
        with other.leasing("A", 999) as holder:
            assert holder is None
    assert [line["variant"] for line in read_lines(tmp_path / "results.jsonl")] == ["A", "B"]
    assert len(read_per_user(tmp_path / "per_user.parquet")) == 2
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["test_openings"] == 2
    assert [one["status"] for one in (manifest, *manifest["earlier"])] == ["finished"] * 2


def test_what_another_process_writes_into_a_runs_folder_is_left_to_it(tmp_path):
    with open_folder(tmp_path) as one, one.leasing("A", 999):
        one.begin("A", 999, settings=SETTINGS, fingerprint="f00d")
        half = [tmp_path / "A-999/.model.safetensors.ab12.tmp",
                tmp_path / ".leases/.A-999.json.ab12.tmp"]  # fmt: skip
        for path in half:
            path.write_text("half")
        with open_folder(tmp_path):
            assert all(path.exists() for path in half)
