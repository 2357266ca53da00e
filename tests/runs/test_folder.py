import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from ccd.errors import ConfigError, DamagedFileError, ResourceError
from ccd.runs import writing as writing_module
from ccd.runs.folder import (
    default_folder,
    read_about,
    read_results,
    refuse_mixture,
)
from ccd.runs.per_user import read_per_user
from ccd.runs.sealed import sealed
from ccd.runs.writing import RunFolder

from .changed import seal
from .samples import SETTINGS, finish, make_epoch, make_per_user, make_result


def open_folder(path):
    return RunFolder(path, metric="recall@20")


def read_metadata(path):
    with safe_open(path, framework="pt") as file:
        return file.metadata()


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


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
    assert lines(tmp_path / "out/results.jsonl") == [sealed(make_result("FREEDOM").to_json())]
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
    assert len(lines(tmp_path / "history.jsonl")) == 3


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


def test_changed_setting_is_refused_by_name(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
    changed = replace(SETTINGS, identity={**SETTINGS.identity, "LossMix.hard_weight": "0.5"})
    with open_folder(tmp_path) as folder:
        for seed in (999, 1000):
            with pytest.raises(ConfigError, match=r"hard_weight was 0.8, now 0.5\n.*--out"):
                folder.begin("A", seed, settings=changed, fingerprint="f00d")
        assert folder.begin("B", 999, settings=changed, fingerprint="f00d") is None


def test_how_a_run_was_computed_is_no_part_of_what_it_is(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
        on_eight = replace(SETTINGS, how={"Experiment.threads": "8"})
        known = folder.begin("A", 999, settings=on_eight, fingerprint="f00d")
        assert known == make_result("A")
    about = read_about(tmp_path / "A-999")
    assert about["settings"] == SETTINGS.identity
    assert about["how_it_ran"] == {"Experiment.threads": "1"}


def test_all_pairs_can_be_checked_before_anything_is_written(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
        finish(folder, make_result("B"))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    same, changed = SETTINGS.identity, {**SETTINGS.identity, "LossMix.hard_weight": "0.5"}
    with pytest.raises(ConfigError, match=r"holds B, .*\n.*\n.*hard_weight was 0.8, now 0.5"):
        refuse_mixture(tmp_path, {"A": same, "B": changed}, "f00d")
    with pytest.raises(ConfigError, match="data set was planted"):
        refuse_mixture(tmp_path, {"C": same}, "beef")
    refuse_mixture(tmp_path, {"A": same, "B": same, "C": changed}, "f00d")
    refuse_mixture(tmp_path / "new", {"A": changed}, "beef")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_other_data_are_refused_for_every_variant(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
        for variant in ("A", "B"):
            with pytest.raises(ConfigError, match="data set was planted"):
                folder.begin(variant, 999, settings=SETTINGS, fingerprint="beef")


def test_unfinished_run_is_started_afresh_without_doubled_history(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
        folder.begin("B", 999, settings=SETTINGS, fingerprint="f00d")
        for epoch in range(3):
            folder.record_epoch(make_epoch("B", epoch=epoch))
    with open_folder(tmp_path) as folder:
        assert folder.begin("B", 999, settings=SETTINGS, fingerprint="f00d") is None
        folder.record_epoch(make_epoch("B", epoch=0))
    kept = [(line["variant"], line["epoch"]) for line in lines(tmp_path / "history.jsonl")]
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


def test_run_whose_files_were_removed_is_run_again_once(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
    (tmp_path / "A-999/model.safetensors").unlink()
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
    assert len(lines(tmp_path / "results.jsonl")) == 1


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
    assert [line["variant"] for line in lines(tmp_path / "results.jsonl")] == ["A", "B"]
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


def test_other_settings_than_those_trained_at_this_moment_are_refused(tmp_path):
    changed = {**SETTINGS.identity, "LossMix.hard_weight": "0.5"}
    with open_folder(tmp_path) as folder:
        with folder.leasing("A", 999):
            folder.begin("A", 999, settings=SETTINGS, fingerprint="f00d")
            for fresh in (False, True):
                with pytest.raises(ConfigError, match="hard_weight was 0.8, now 0.5"):
                    refuse_mixture(tmp_path, {"A": changed}, "f00d", fresh=fresh)
        refuse_mixture(tmp_path, {"A": changed}, "f00d")


def test_a_line_that_a_dead_process_has_torn_is_set_aside_by_the_next(tmp_path):
    with open_folder(tmp_path) as folder:
        folder.record_epoch(make_epoch("A"))
        with (tmp_path / "history.jsonl").open("a") as file:
            file.write('{"variant": "A", "se')
        folder.record_epoch(make_epoch("B"))
    assert [line["variant"] for line in lines(tmp_path / "history.jsonl")] == ["A", "B"]


def test_folder_that_is_no_run_folder_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(ConfigError, match=r"thesis\.tex.*not a run folder"):
        open_folder(tmp_path).__enter__()
    assert os.listdir(tmp_path) == ["thesis.tex"]
    with pytest.raises(ConfigError, match="must be a folder, got the file"):
        open_folder(tmp_path / "thesis.tex").__enter__()


@pytest.mark.parametrize(
    "manifest",
    [
        {"name": "an extension", "version": "2"},
        {"versions": {}},
        {"test_openings": 1},
        {"checksum": "of another program"},
        ["a", "list"],
    ],
)
def test_a_folder_of_another_program_is_left_as_it_was(tmp_path, manifest):
    (tmp_path / "sub").mkdir()
    files = ("config.gin", "user_ids.txt", "table.md", ".x.tmp", "sub/.model.safetensors.ab.tmp")
    for name in files:
        (tmp_path / name).write_text(name)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ConfigError, match=r"manifest\.json of another program.*not a run folder"):
        open_folder(tmp_path).__enter__()
    assert all((tmp_path / name).read_text() == name for name in files)
    assert json.loads((tmp_path / "manifest.json").read_text()) == manifest


@pytest.mark.parametrize("manifest", ["{}", "[]", '{"versions": [1, 2], "checksum": "x"}'])
def test_another_programs_manifest_alone_is_left_as_it_was(tmp_path, manifest):
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(ConfigError, match=r"manifest\.json of another program"):
        open_folder(tmp_path).__enter__()
    assert os.listdir(tmp_path) == ["manifest.json"]
    assert (tmp_path / "manifest.json").read_text() == manifest


def test_only_what_ccd_made_is_removed(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
    kept = (".notes.tmp", ".thesis.tex.ab12.tmp", "A-999/.x.tmp", "A-999/notes.md", "mine/.a.tmp")
    (tmp_path / "mine").mkdir()
    for name in (*kept, ".table.md.ab12cd34.tmp", "A-999/.run.json.ab12cd34.tmp"):
        (tmp_path / name).write_text("x")
    (tmp_path / "A-999/run.json").unlink()
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
    assert all((tmp_path / name).exists() for name in kept)
    assert {path.name for path in tmp_path.rglob(".*.tmp")} == {
        Path(name).name for name in kept
    } - {"notes.md"}


def test_temporary_files_alone_make_no_run_folder(tmp_path):
    (tmp_path / ".thesis.tex.ab12.tmp").write_text("x")
    with pytest.raises(ConfigError, match="not a run folder"):
        open_folder(tmp_path).__enter__()


def test_folder_of_a_crash_before_the_manifest_is_accepted(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / ".manifest.json.1234.tmp").touch()
    with open_folder(tmp_path):
        pass
    assert (tmp_path / "manifest.json").exists()


def test_folder_below_a_file_is_refused_as_resource(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match="cannot write this"):
        open_folder(tmp_path / "file" / "out").__enter__()


def test_damaged_manifest_is_refused_and_the_lock_released(tmp_path):
    (tmp_path / "manifest.json").write_text("{")
    for _ in range(2):
        with pytest.raises(DamagedFileError, match="manifest"):
            open_folder(tmp_path).__enter__()


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


def test_a_runs_damaged_settings_are_named(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
    about = tmp_path / "A-999/run.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "settings": 5}))
    seal(about)
    with pytest.raises(
        DamagedFileError, match=r"'settings' is not .*: Input should be a .*dict.*\n.*run.json\n"
    ):
        refuse_mixture(tmp_path, {"A": SETTINGS.identity}, "f00d")


def test_a_failure_is_told_by_class_and_message(tmp_path):
    with pytest.raises(DamagedFileError), open_folder(tmp_path):
        raise DamagedFileError("this file is not JSON", where=Path("a.json"))
    record = json.loads((tmp_path / "manifest.json").read_text())
    assert record["status"] == "failed"
    assert record["error"] == {
        "kind": "DamagedFileError",
        "message": "this file is not JSON\n  a.json",
    }
