import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import ccd
from ccd.analysis.comparing import gather
from ccd.errors import ConfigError, DamagedFileError, DataError, ResourceError
from ccd.evaluation.held_out import HeldOut
from ccd.finished.inspection import Inspection
from ccd.finished.recommendations import recommend
from ccd.finished.runs import FinishedRun, choose_run, left_out, open_runs
from ccd.graphs.items_by_user import ItemsByUser
from ccd.runs.folder import (
    ITEM_TENSOR,
    MODEL_FILE,
    RUN_FILE,
    SAMPLE_TENSOR,
    USER_TENSOR,
)
from ccd.runs.model_file import IDENTITY, write_model
from tests.runs.changed import seal

CCDREC = "FREEDOM+DMA+NDI+CNS"


def test_a_folder_gives_its_runs_and_a_runs_own_folder_that_one(finished_folder):
    runs = open_runs(finished_folder)
    assert len(runs) == 4
    alone = open_runs(finished_folder / "FREEDOM-2")
    assert [(run.result.variant, run.result.seed) for run in alone] == [("FREEDOM", 2)]
    assert alone[0].settings["Trainer.epochs"] == "5"
    assert [record.epoch for record in alone[0].history] == [0, 1, 2, 3, 4]


def test_the_folder_one_stands_in_is_a_folder_too(finished_folder, monkeypatch):
    monkeypatch.chdir(finished_folder / "FREEDOM-2")
    assert [run.result.seed for run in open_runs(Path("."))] == [2]


def test_choice_is_the_last_variants_first_seed_unless_named(finished_folder):
    run = choose_run(finished_folder, None, None)
    assert (run.result.variant, run.result.seed) == ("FREEDOM+DMA+NDI+CNS", 1)
    run = choose_run(finished_folder, "FREEDOM", 2)
    assert (run.result.variant, run.result.seed) == ("FREEDOM", 2)
    with pytest.raises(ConfigError, match="did you mean FREEDOM"):
        choose_run(finished_folder, "FREEDON", None)
    with pytest.raises(ConfigError, match="seed 9\n.*\n  it has seeds 1, 2"):
        choose_run(finished_folder, "FREEDOM", 9)


def test_what_cannot_be_looked_into_is_refused(tmp_path):
    with pytest.raises(ResourceError, match="cannot read this: File name too long"):
        open_runs(tmp_path / ("y" * 300))


def test_a_folder_without_a_finished_run_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="holds no finished run"):
        open_runs(tmp_path)


def test_a_run_that_was_copied_in_part_is_told_what_it_lacks(finished_folder, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(finished_folder, copy)
    (copy / "FREEDOM-2" / MODEL_FILE).unlink()
    (copy / "FREEDOM-1" / RUN_FILE).unlink()
    assert len(open_runs(copy)) == 2
    with pytest.raises(ConfigError, match="FREEDOM-2 lacks model.safetensors; copy it from"):
        open_runs(copy / "FREEDOM-2")
    with pytest.raises(ConfigError, match="FREEDOM-1 lacks run.json; copy it from"):
        open_runs(copy / "FREEDOM-1")
    for seed in (1, 2):
        for variant in ("FREEDOM", CCDREC):
            shutil.rmtree(copy / f"{variant}-{seed}")
    with pytest.raises(ConfigError, match="FREEDOM-1 lacks operative.gin, model.safetensors"):
        open_runs(copy)


def test_a_runs_own_folder_is_opened_through_links(finished_folder, tmp_path):
    (tmp_path / "elsewhere").symlink_to(finished_folder / "FREEDOM-2")
    (run,) = open_runs(tmp_path / "elsewhere")
    assert (run.result.variant, run.result.seed) == ("FREEDOM", 2)
    copy = shutil.copytree(finished_folder, tmp_path / "run")
    shutil.move(copy / "FREEDOM-2", tmp_path / "big")
    (copy / "FREEDOM-2").symlink_to(tmp_path / "big")
    (run,) = open_runs(copy / "FREEDOM-2")
    assert len(run.per_user.users) > 0


def test_a_foreign_file_beside_a_run_folder_is_not_read(finished_folder, tmp_path):
    copy = shutil.copytree(finished_folder, tmp_path / "run")
    (tmp_path / "results.jsonl").write_text('{"not": "ours"}\n')
    assert len(open_runs(copy)) == 4


def test_a_runs_own_folder_that_was_copied_alone_is_told_so(finished_folder, tmp_path):
    copy = shutil.copytree(finished_folder / "FREEDOM-1", tmp_path / "FREEDOM-1")
    with pytest.raises(ConfigError, match="no .*results.jsonl, which lists it; copy the whole"):
        open_runs(copy)


@pytest.mark.parametrize("variant", ["FREEDOM", CCDREC])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_rebuilt_model_is_the_tested_one_to_the_last_digit(finished_folder, variant, seed):
    run = choose_run(finished_folder, variant, seed)
    dataset = run.dataset()
    final = run.rebuild(dataset).infer()
    assert torch.equal(final.users, run.representations.users)
    assert torch.equal(final.items, run.representations.items)
    train = torch.from_numpy(dataset.train.users), torch.from_numpy(dataset.train.items)
    seen = ItemsByUser(*train, dataset.n_users, dataset.n_items)
    test = HeldOut(dataset.test, dataset.n_users, dataset.n_items, torch.device("cpu"))
    assert run.experiment.evaluator.evaluate(final, test, seen).means == run.result.test
    untrained = run.untrained(dataset)
    untrained.reverse(0)
    assert not torch.allclose(untrained.infer().items, final.items, atol=1e-3)


def test_pools_drawn_anew_leave_the_sample_as_it_was_tested(finished_folder):
    run = choose_run(finished_folder, CCDREC, 1)
    inspection = Inspection(run, run.dataset())
    assert torch.equal(inspection.model.sample, run.tensors[SAMPLE_TENSOR])
    assert torch.equal(inspection.model.epoch_end.items, run.representations.items)
    assert inspection.model.pool_table is not None


def other_model(run, change):
    """The run with a model that says it is this run's, whose digest fits too."""
    tensors = {name: tensor.clone() for name, tensor in run.tensors.items()}
    change(tensors)
    identity = {name: str(run.about[name]) for name in IDENTITY}
    write_model(run.folder / MODEL_FILE, tensors, identity)
    seal(run.folder / MODEL_FILE)
    return FinishedRun(run.folder, run.result)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: x.pop(SAMPLE_TENSOR), rf"'{SAMPLE_TENSOR}' must be float32 .*, got none"),
        (lambda x: x.update(new=torch.zeros(1)), r"'new' must be absent, got float32 \[1\]"),
        (
            lambda x: x.update({ITEM_TENSOR: x[ITEM_TENSOR].repeat(2, 1)}),
            r"must be float32 \[60, 64\], got float32 \[120, 64\]",
        ),
        (lambda x: x.update({USER_TENSOR: x[USER_TENSOR].double()}), r"got float64 .*"),
        (lambda x: x[ITEM_TENSOR].fill_(float("nan")), f"'{ITEM_TENSOR}' holds .* not finite"),
        (lambda x: x[USER_TENSOR][:1].fill_(float("inf")), f"'{USER_TENSOR}' holds .* not finite"),
    ],
)
def test_a_model_that_lacks_or_adds_anything_is_refused(finished_folder, tmp_path, change, words):
    shutil.copytree(finished_folder, tmp_path / "run")
    run = other_model(choose_run(tmp_path / "run", CCDREC, 1), change)
    for use in (lambda: run.representations, lambda: run.rebuild(run.dataset())):
        with pytest.raises(
            DamagedFileError, match=rf"{words}\n.*model.safetensors\n.*copy it from"
        ):
            use()


@pytest.mark.parametrize("other", ["FREEDOM-2", f"{CCDREC}-1"])
def test_the_model_of_another_run_is_refused(finished_folder, tmp_path, other):
    shutil.copytree(finished_folder, tmp_path / "run")
    shutil.copy(tmp_path / "run" / other / MODEL_FILE, tmp_path / "run" / "FREEDOM-1" / MODEL_FILE)
    with pytest.raises(DamagedFileError, match="the model of another run: '(variant|seed)' must"):
        recommend(tmp_path / "run", ["3"], variant="FREEDOM", seed=1)


def test_a_model_without_a_header_of_ccd_is_refused(finished_folder, tmp_path):
    shutil.copytree(finished_folder, tmp_path / "run")
    run = choose_run(tmp_path / "run", "FREEDOM", 1)
    save_file(run.tensors, run.folder / MODEL_FILE)
    with pytest.raises(DamagedFileError, match="'variant' must be FREEDOM, got none"):
        recommend(tmp_path / "run", ["3"], variant="FREEDOM", seed=1)


def test_a_run_of_another_machines_gpu_can_be_looked_into_here(finished_folder, tmp_path):
    shutil.copytree(finished_folder, tmp_path / "run")
    path = tmp_path / "run" / "FREEDOM-1" / "operative.gin"
    text = path.read_text()
    assert "device = 'cpu'" in text
    path.write_text(text.replace("device = 'cpu'", "device = 'cuda:97'"))
    seal(path)
    run = choose_run(tmp_path / "run", "FREEDOM", 1)
    assert run.rebuild(run.dataset()).infer().items.device.type == "cpu"


def test_other_data_and_damaged_models_are_refused(finished_folder, tmp_path):
    shutil.copytree(finished_folder, tmp_path / "run")
    path = tmp_path / "run" / "FREEDOM-1" / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "dataset_fingerprint": "x"}))
    seal(path)
    run = choose_run(tmp_path / "run", "FREEDOM", 1)
    with pytest.raises(DataError, match="have changed since the run was trained"):
        run.dataset()
    (run.folder / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(DamagedFileError, match="is not a complete model"):
        run.tensors["user_representations"]


def test_what_is_left_out_is_said(finished_folder, tmp_path):
    copy = shutil.copytree(finished_folder, tmp_path / "run")
    assert left_out(copy) == []
    assert left_out(copy / "FREEDOM-1") == []
    (copy / "FREEDOM-2" / MODEL_FILE).unlink()
    results = copy / "results.jsonl"
    results.write_bytes(results.read_bytes()[:-9])
    notes = left_out(copy)
    assert len(notes) == 3
    assert "results.jsonl is torn, so the run in it is left out" in notes[0]
    assert "FREEDOM-2 lacks model.safetensors, so this run is left out" in notes[1]
    assert f"{CCDREC}-2 is not listed in results.jsonl, so it is left out" in notes[2]
    assert list(ccd.load_run(copy).notes) == notes
    assert gather([copy])[1] == notes


@pytest.mark.parametrize("name", ["operative.gin", "per_user.parquet", "run.json"])
def test_a_changed_digit_in_a_runs_own_file_is_found(finished_folder, tmp_path, name):
    copy = shutil.copytree(finished_folder, tmp_path / "run")
    path = copy / "FREEDOM-1" / name
    data = path.read_bytes()
    place = len(data) // 2
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    (run,) = open_runs(copy / "FREEDOM-1")
    uses = {"per_user.parquet": "per_user", "operative.gin": "graph", "run.json": "settings"}
    with pytest.raises(DamagedFileError, match=name):
        getattr(run, uses[name])
