"""What a run folder holds once runs have ended."""

import json
import os
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from ccd.errors import DamagedFileError
from ccd.runs.folder import (
    default_folder,
    read_results,
)
from ccd.runs.per_user import read_per_user
from ccd.runs.sealed import sealed

from .samples import (
    SETTINGS,
    finish,
    make_result,
    open_folder,
    read_lines,
    read_metadata,
)


def test_finished_run_has_every_file(tmp_path):
    with open_folder(tmp_path / "out") as folder:
        folder.write_config("A.x = 1\n")
        folder.write_operative("A.x = 1\nA.y = 2\n")
        finish(folder, make_result("FREEDOM"))
    top = {entry.name for entry in (tmp_path / "out").iterdir()}
    assert top >= {
        "config.gin", "operative.gin", "manifest.json", "history.jsonl", "results.jsonl",
        "per_user.parquet", "model.safetensors", "FREEDOM-999",
    }  # fmt: skip
    assert not [name for name in top if name.endswith(".tmp") or name == ".holder.json"]
    assert read_lines(tmp_path / "out/results.jsonl") == [sealed(make_result("FREEDOM").to_json())]
    metadata = read_metadata(tmp_path / "out/FREEDOM-999/model.safetensors")
    assert metadata["variant"] == "FREEDOM"
    assert metadata["seed"] == "999"
    assert metadata["dataset_fingerprint"] == "f00d"
    assert len(metadata["config_hash"]) == 16


def test_second_run_skips_what_is_finished_and_loses_nothing(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A", value=0.2))
    with open_folder(tmp_path) as folder:
        known = folder.begin("A", 999, settings=SETTINGS, fingerprint="f00d")
        assert known == make_result("A", value=0.2)
        finish(folder, make_result("B", value=0.1))
        finish(folder, make_result("A", seed=7, value=0.15))
        assert set(folder.finished()) == {("A", 999), ("B", 999), ("A", 7)}
        assert folder.manifest.test_openings == 3
    table = pq.read_table(tmp_path / "per_user.parquet")
    assert table.num_rows == 3 * 60
    assert list(read_per_user(tmp_path / "per_user.parquet")) == [("A", 999), ("B", 999), ("A", 7)]
    assert len(read_lines(tmp_path / "history.jsonl")) == 3


def test_model_on_top_is_the_best_by_validation(tmp_path):
    with open_folder(tmp_path) as folder:
        for variant, value in (("A", 0.1), ("B", 0.3), ("C", 0.2)):
            finish(folder, make_result(variant, value=value))
    best = load_file(tmp_path / "model.safetensors")["items"]
    assert torch.equal(best, torch.full((3, 2), 0.6))
    assert os.path.samefile(tmp_path / "model.safetensors", tmp_path / "B-999/model.safetensors")


def test_disk_without_hard_links_gets_a_copy(tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
    assert read_metadata(tmp_path / "model.safetensors")["variant"] == "A"


def test_run_whose_files_were_removed_is_run_again_once(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
    (tmp_path / "A-999/model.safetensors").unlink()
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
    assert len(read_lines(tmp_path / "results.jsonl")) == 1


def test_result_line_with_wrong_content_is_refused_with_its_number(tmp_path):
    good = json.dumps(make_result("A").to_json())
    bad = json.dumps({**make_result("A").to_json(), "best_epoch": "soon"})
    (tmp_path / "results.jsonl").write_text(f"{good}\n{bad}\n")
    with pytest.raises(DamagedFileError, match=r"best_epoch.*\n.*results\.jsonl:2\n"):
        read_results(tmp_path)


def test_default_folders_of_the_same_second_differ():
    names = {str(default_folder("ablation")) for _ in range(20)}
    assert len(names) > 15
    assert all(re.fullmatch(r"runs/ablation-\d{8}-\d{6}-[0-9a-f]{4}", name) for name in names)


def test_ids_of_an_earlier_attempt_on_other_data_do_not_stay(tmp_path):
    with open_folder(tmp_path) as folder:
        folder.write_ids(("anna", "bob"), ("x",))
        assert (tmp_path / "user_ids.txt").read_text() == "anna\nbob\n"
        folder.write_ids((), ())
    assert not list(tmp_path.glob("*_ids.txt"))


def test_a_failure_is_told_by_class_and_message(tmp_path):
    with pytest.raises(DamagedFileError), open_folder(tmp_path):
        raise DamagedFileError("this file is not JSON", where=Path("a.json"))
    record = json.loads((tmp_path / "manifest.json").read_text())
    assert record["status"] == "failed"
    assert record["error"] == {
        "kind": "DamagedFileError",
        "message": "this file is not JSON\n  a.json",
    }
