"""A run folder goes on after whatever ended the process that wrote it."""

import json

import pytest
import torch

from ccd.errors import DamagedFileError
from ccd.runs import writing as writing_module
from ccd.runs.per_user import read_per_user

from .samples import (
    SETTINGS,
    finish,
    make_epoch,
    make_per_user,
    make_result,
    open_folder,
    read_lines,
    read_metadata,
)


def test_unfinished_run_is_started_afresh_without_doubled_history(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
        folder.begin("B", 999, settings=SETTINGS, fingerprint="f00d")
        for epoch in range(3):
            folder.record_epoch(make_epoch("B", epoch=epoch))
    with open_folder(tmp_path) as folder:
        assert folder.begin("B", 999, settings=SETTINGS, fingerprint="f00d") is None
        folder.record_epoch(make_epoch("B", epoch=0))
    kept = [(line["variant"], line["epoch"]) for line in read_lines(tmp_path / "history.jsonl")]
    assert kept == [("A", 0), ("B", 0)]


OWN_STEPS = ["write_text", "write_per_user", "write_json", "append_line"]
TOP_STEPS = ["merge_per_user", "_link"]


@pytest.mark.parametrize("step", OWN_STEPS + TOP_STEPS)
def test_a_crash_at_any_step_leaves_everything_whole(tmp_path, monkeypatch, step):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A", value=0.1))

    def crash(*args):
        raise KeyboardInterrupt

    def run():
        with open_folder(tmp_path) as folder:
            folder.begin("B", 999, settings=SETTINGS, fingerprint="f00d")
            monkeypatch.setattr(writing_module, step, crash)
            folder.record_finished(
                make_result("B", value=0.3),
                tensors={"items": torch.zeros(1)},
                per_user=make_per_user(),
                operative="",
            )

    with pytest.raises(KeyboardInterrupt):
        run()
    monkeypatch.undo()
    assert json.loads((tmp_path / "manifest.json").read_text())["status"] == "stopped"
    with open_folder(tmp_path) as folder:
        # What is complete in its own folder stays; the files on top are made up for on opening.
        if step in OWN_STEPS:
            assert set(folder.finished()) == {("A", 999)}
            finish(folder, make_result("B", value=0.3))
        assert set(folder.finished()) == {("A", 999), ("B", 999)}
    assert set(read_per_user(tmp_path / "per_user.parquet")) == {("A", 999), ("B", 999)}
    assert read_metadata(tmp_path / "model.safetensors")["variant"] == "B"


def test_a_damaged_neighbour_is_refused_before_training(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
    damaged = tmp_path / "A-999/per_user.parquet"
    damaged.write_bytes(damaged.read_bytes()[:300])
    for _ in range(2):
        with pytest.raises(DamagedFileError, match=r"A-999/per_user\.parquet\n.*remove it"):
            open_folder(tmp_path).__enter__()
    damaged.unlink()
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))


def test_a_neighbour_damaged_meanwhile_costs_no_trained_run(tmp_path):
    def run():
        with open_folder(tmp_path) as folder:
            finish(folder, make_result("A"))
            (tmp_path / "A-999/per_user.parquet").write_bytes(b"PAR1")
            finish(folder, make_result("B"))

    with pytest.raises(DamagedFileError, match="A-999"):
        run()
    (tmp_path / "A-999/per_user.parquet").unlink()
    with open_folder(tmp_path) as folder:
        assert set(folder.finished()) == {("B", 999)}
    assert set(read_per_user(tmp_path / "per_user.parquet")) == {("B", 999)}


def test_torn_line_and_leftovers_are_tidied_and_said(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
    with (tmp_path / "results.jsonl").open("a") as file:
        file.write('{"variant": "B", "se')
    for name in ("model.safetensors", "checkpoint.safetensors"):
        (tmp_path / f"A-999/.{name}.ab12.tmp").write_text("half")
    (tmp_path / ".leases").mkdir(exist_ok=True)
    (tmp_path / ".leases/.A-999.json.ab12.tmp").write_text("half")
    with open_folder(tmp_path) as folder:
        assert any("results.jsonl" in note for note in folder.notes)
        assert set(folder.finished()) == {("A", 999)}
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_line_that_a_dead_process_has_torn_is_set_aside_by_the_next(tmp_path):
    with open_folder(tmp_path) as folder:
        folder.record_epoch(make_epoch("A"))
        with (tmp_path / "history.jsonl").open("a") as file:
            file.write('{"variant": "A", "se')
        folder.record_epoch(make_epoch("B"))
    assert [line["variant"] for line in read_lines(tmp_path / "history.jsonl")] == ["A", "B"]
